"""Sentences of the page: all in the words files, in every language, with the same placeholders, none unused."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import gradio as gr
import pytest

from playground.errors import PlaygroundError
from playground.recipe.presets import load_preset
from playground.service.limits import PROFILES
from playground.web import words
from playground.web.components.format import compared, number, numbers
from playground.web.page import PageBlocks, head
from playground.web.words import ASKED, FOLDER, LANGUAGES, asked_language, say

WEB = Path(words.__file__).parent.parent
OTHERS = [language for language in LANGUAGES if language != "en"]


def placeholders(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_gradio_takes_the_files_as_they_are() -> None:
    files = {language: json.loads((FOLDER / f"{language}.json").read_text("utf-8")) for language in LANGUAGES}
    assert gr.I18n(**files).translations_dict.keys() == LANGUAGES.keys()
    assert all(isinstance(text, str) and text for file in files.values() for text in file.values())


# ---------------------------------------------------------------- who reads


def scope(query: str = "", **headers: str) -> dict[str, object]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "query_string": query.encode(), "headers": raw}


def test_the_language_is_that_of_the_address_or_of_the_page_or_of_the_browser() -> None:
    assert asked_language(scope()) == "en"
    assert asked_language(scope("lang=de", accept_language="fr")) == "de"
    assert asked_language(scope(referer="http://here/?preset=default&lang=es", accept_language="fr")) == "es"
    assert asked_language(scope("lang=xx", accept_language="fr-CA,fr;q=0.9")) == "fr"
    assert asked_language(scope(accept_language="sv,de;q=0.7,es;q=0.8")) == "es"
    assert asked_language(scope(accept_language="de;q=nothing,,;q=0")) == "en"
    assert asked_language(scope(referer="http://[", accept_language="de;q=0")) == "en"


# ---------------------------------------------------------------- the page as it is laid out


def test_a_page_is_laid_out_once_and_served_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {**words.words("de"), "run.run": "Los", "js.chart.from_to": "{name} {now} (zuerst {first})"}
    spoken = {"en": words.words("en"), "de": known}
    monkeypatch.setattr(words, "words", spoken.__getitem__)
    with words.laying_out(), PageBlocks(analytics_enabled=False) as page:
        gr.Button(say("run.run"))
        gr.HTML(f"<b>{say('run.run')}</b> {say('js.chart.from_to', name=say('run.run'), now=1, first=2)}")
    english = [part["props"]["value"] for part in page.config["components"]]
    token = ASKED.set("de")
    try:
        german = [part["props"]["value"] for part in page.config["components"]]
    finally:
        ASKED.reset(token)
    assert english == ["Run", "<b>Run</b> Run 1, from 2"]
    assert german == ["Los", "<b>Los</b> Los 1 (zuerst 2)"]


def test_scripts_get_their_sentences_with_the_page() -> None:
    script = words.localised(head(), "en")
    found = re.search(r"window\.playgroundWords = (\{.*?\});?</script>", script)
    assert found is not None
    said = json.loads(found[1])
    assert said["chart.step"] == "step"
    assert said["language"] == "en"
    assert not any(character in script for character in "\ue000\ue001\ue002\ue003")


# ---------------------------------------------------------------- the files


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_every_sentence_and_no_other(language: str) -> None:
    assert sorted(words.words("en").keys() - words.words(language).keys()) == []
    assert sorted(words.words(language).keys() - words.words("en").keys()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_placeholders_are_the_same_in_every_language(language: str) -> None:
    theirs = words.words(language)
    different = {
        key: theirs[key]
        for key, text in words.words("en").items()
        if set(placeholders(text)) != set(placeholders(theirs.get(key, text)))
    }
    assert different == {}


def test_no_label_would_break_the_scripts_that_carry_it() -> None:
    labels = {
        key: text for language in LANGUAGES for key, text in words.words(language).items() if key.endswith(".label")
    }
    assert not {key for key, text in labels.items() if re.search(r"[\"\\<]", text)}


# ---------------------------------------------------------------- the code

SILENT = {
    "admin.py",
    "serve.py",
    "server.py",
    "security.py",
    "people.py",
    "health.py",
    "pagefiles.py",
    "environment.py",
    "api.py",
    "request_bodies.py",
}
"""Files that say nothing on the page: what stands before it, on the terminal, and for programs."""


def sources(suffix: str) -> list[Path]:
    found = [
        path
        for path in sorted(WEB.rglob(f"*.{suffix}"))
        if "gradio_patches" not in path.parts and path.parent != FOLDER
    ]
    return [path for path in found if path.name not in SILENT]


def test_every_sentence_is_said_somewhere() -> None:
    code = "\n".join(path.read_text("utf-8") for suffix in ("py", "js") for path in sources(suffix))
    code += Path(words.__file__).read_text("utf-8")
    literal = set(re.findall(r"[\"'`]([\w.\- ]+)[\"'`]", code))
    started = set(re.findall(r"[\"'`]([\w.]+\.)(?:\$?\{)", code))  # f"below.{…}", `chart.${…}`
    counted = {f"{key}.{number}" for key in literal for number in ("one", "many")}
    unused = [
        key for key in words.words("en")
        if not {key, key.removeprefix("js.")} & (literal | counted)
        and not any(key.removeprefix("js.").startswith(start) for start in started)
        and not key.startswith(("field.", "unit.", "preset.", "below."))
    ]  # fmt: skip
    assert unused == []


def test_every_sentence_that_is_said_is_there() -> None:
    said = {}
    for path in sources("py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("say", "counted"):
                keys = (
                    [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                    if not isinstance(node.args[0], ast.JoinedStr)
                    else []
                )
                for key in keys:
                    if isinstance(key, str) and "." in key:
                        said[f"{key}.many" if node.func.id == "counted" else key] = path.name
    for path in sources("js"):
        for key in re.findall(r"playgroundSay\(\"([\w.]+)\"", path.read_text("utf-8")):
            said[key if key.startswith(words.ALSO_IN_BROWSER) else f"js.{key}"] = path.name
    assert {key: name for key, name in said.items() if not words.has(key)} == {}


def test_what_stands_below_the_page_is_said_there_in_these_words() -> None:
    """A sentence of the engine that was changed would silently stay English."""
    files = [*WEB.parent.rglob("*.py"), *(WEB.parent.parent / "presets").glob("*.json")]
    code = "".join(path.read_text("utf-8") for path in files if WEB not in path.parents)
    code = re.sub(r"\"\s*\n\s*(?:\+ )?f?\"", "", code)  # sentences over several lines
    gone = []
    for key, text in words.words("en").items():
        if key.startswith(words.BELOW):
            longest = max(re.split(r"\{\w+\}", text.removesuffix(".")), key=len)
            if longest.lower() not in code.lower():
                gone.append(key)
    assert gone == []


def strings(path: Path) -> list[str]:
    """What a Python file has in quotes, but for its docstrings and its log, without tags."""
    tree = ast.parse(path.read_text("utf-8"))
    silent = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    logged = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "logger"
    ]  # fmt: skip
    unsaid = {id(part) for node in (*silent, *logged) for part in ast.walk(node)}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in unsaid]
    return [re.sub(r"<[^>]*>?|[\w-]+=\"[^\"]*", " ", text) for text in texts if isinstance(text, str)]


SENTENCE = re.compile(r"[A-Za-zäöüé]{2,}[,:;]? [a-z]{2,}[,:;]? [A-Za-z]{2,}|[A-Z][a-z]+ [a-z]{3,}")
CODE = re.compile(r"=>|\bconst\b|%\(|^\(|window\.|\bno page is being built\b")


def test_no_file_of_the_page_says_a_sentence_of_its_own() -> None:
    own = {
        f"{path.parent.name}/{path.name}": text
        for path in sources("py")
        for text in strings(path)
        if SENTENCE.search(text) and not CODE.search(text)
    }
    assert own == {}


def test_no_script_says_a_sentence_of_its_own() -> None:
    own = {}
    for path in sources("js"):
        code = re.sub(r"^\s*//.*$|\s// .*$|/\*.*?\*/", "", path.read_text("utf-8"), flags=re.MULTILINE)
        for text in re.findall(r"\"([^\"\n]*)\"|>([^<>{}$`]*)<", code):
            plain = " ".join(text)
            if SENTENCE.search(plain) and not re.search(r"[\[\]#=>()]|message error", plain):
                own[path.name] = plain
    assert own == {}


# ---------------------------------------------------------------- sentences from below


def test_sentences_of_the_engine_are_translated_where_they_are_known() -> None:
    said = words.translated
    token = ASKED.set("de")
    try:
        assert (
            said("The network vgg19-caffe is not on this machine.")
            == "Das Netz vgg19-caffe ist nicht auf diesem Rechner."
        )
        assert said("You already have a run going on") == "Du hast schon laufen: einen Lauf"
        assert said("a cow is flying") == "a cow is flying"
        assert said(None) == ""
        assert said(PROFILES["space"].fitted(load_preset("tf-adam-tv").changed({"size": 2048, "seconds": 900}))[1]) == (
            "Die Grenzen dieses Servers gelten: die Größe ist 768 px statt 2\u202f048, die Zahl der Iterationen ist 500 "
            "statt 50\u202f000, die Zeitgrenze ist 600 Sekunden statt 900"
        )
        with pytest.raises(PlaygroundError) as refused:
            PROFILES["space"].check(load_preset().changed({"size": 2048}))
        assert said(str(refused.value)).startswith("Die Größe ist 2048 px, dieser Server erlaubt höchstens 768")
    finally:
        ASKED.reset(token)
    assert said("The network x is not on this machine.") == "The network x is not on this machine."


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_first_visit_calls_everything_by_its_name_on_the_page(language: str) -> None:
    names = words.words(language)
    called = {
        "run": ("run.run", "run.pause", "run.stop"),
        "balance": ("balance.title", "mix.photo", "mix.painting"),
        "weights": ("run.weights", "mix.photo", "mix.painting"),
    }
    for step, keys in called.items():
        for key in keys:
            found = names[key] if key.startswith("mix.") else rf"[“„«] ?{names[key]} ?[”“»]"
            assert re.search(found, names[f"js.welcome.{step}"]), (step, key)
    assert names["js.welcome.end"] not in {names["run.run"], "Start", "Los geht’s", "C’est parti", "Empezar"}


def test_nothing_is_said_while_a_file_is_imported() -> None:
    """It would be English for everybody."""
    early = []
    for path in sources("py"):
        waiting: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
        while waiting:
            node = waiting.pop()
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("say", "label", "counted")
            ):
                early.append(f"{path.name}: {ast.unparse(node)}")
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                waiting += ast.iter_child_nodes(node)
    assert early == []


@pytest.mark.parametrize(("language", "sign"), [("en", "."), ("de", ","), ("fr", ","), ("es", ",")])
def test_figures_have_the_decimal_sign_of_the_language(language: str, sign: str) -> None:
    token = ASKED.set(language)
    try:
        assert number(0.15) == f"0{sign}15"
        assert number(4.19e-7) == f"4{sign}19 × 10⁻⁷"
        assert number(12_345) == "12\u202f300"
        assert numbers((1, 0.5)) == {"en": "1, 0.5", "fr": "1 ; 0,5"}.get(language, "1; 0,5")
        assert f"0{sign}562" in compared("learning_rate", 0.562, 0.1)
        limit = words.translated("The size is 1.5, and this server allows 0.5 at most: choose 0.5 or less.")
        assert f"1{sign}5" in limit
        assert f" 0{sign}5 " in limit
    finally:
        ASKED.reset(token)
    with words.laying_out():
        laid = number(0.15)
    assert words.localised(laid, language) == f"0{sign}15"
