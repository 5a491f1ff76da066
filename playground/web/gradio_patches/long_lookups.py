"""The browser finds a part of the page, and the events it has, without walking through all of them.

Gradio 6.31's page asks every event about every part while it opens (544 parts and 300 events here), and walks from the top
of the page to a part at every value that comes for it. A third of the script's time until Run can be pressed goes there.
Its script is served with the events of all parts gathered once, and with the way to each part remembered; a way that leads to
another part by now is looked for anew. The server adds the route.
"""

from __future__ import annotations

from starlette.routing import Route

from playground.web.gradio_patches.served_scripts import replaced

ASKS_EVERY_EVENT = (
    "find_attached_events(e,t){let n=t.filter(t=>t.targets.find(([t])=>t===e.id)).map(t=>{let n=t.targets.find(([t])=>t===e.id);"
    "return n?n[1]:null}).filter(Boolean);return e.props.shared_props.attached_events=n,e}"
)
ASKS_ONCE = """find_attached_events(part,events){
  if(!this.eventsByPart){
    this.eventsByPart=new Map;
    for(const event of events){
      const asked=new Set;
      for(const [id,name] of event.targets){
        if(asked.has(id))continue;
        asked.add(id);
        if(!name)continue;
        if(!this.eventsByPart.has(id))this.eventsByPart.set(id,[]);
        this.eventsByPart.get(id).push(name);
      }
    }
  }
  part.props.shared_props.attached_events=[...this.eventsByPart.get(part.id)??[]];
  return part;
}"""
BEGINS = "postprocess(e){this.root="
BEGINS_ANEW = "postprocess(e){this.eventsByPart=null;this.root="  # events may be others after a reload

WALKS = "function Z(e,t){if(e.id===t)return e;if(e.children)for(let n of e.children){let e=Z(n,t);if(e)return e}return null}"
REMEMBERS = """const waysFrom=new WeakMap;
function wayTo(part,id){
  if(part.id===id)return [];
  const children=part.children??[];
  for(let at=0;at<children.length;at++){
    const rest=wayTo(children[at],id);
    if(rest)return [at,...rest];
  }
  return null;
}
function Z(root,id){
  if(!waysFrom.has(root))waysFrom.set(root,new Map);
  const ways=waysFrom.get(root);
  const follow=way=>way.reduce((part,at)=>part?.children?.[at],root);
  const remembered=ways.get(id);
  if(remembered){
    const part=follow(remembered);
    if(part?.id===id)return part;
  }
  const way=wayTo(root,id);
  if(!way)return null;
  ways.set(id,way);
  return follow(way);
}"""


def scripts() -> list[Route]:
    """The routes that stand before gradio's own; none where its script looks in another way."""
    return replaced("core-*.js", {ASKS_EVERY_EVENT: ASKS_ONCE, BEGINS: BEGINS_ANEW, WALKS: REMEMBERS})
