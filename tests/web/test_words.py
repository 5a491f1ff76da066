"""Sentences of the page: all in the words files, in every language, with the same placeholders, none unused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import gradio as gr
import pytest

from playground.web import words
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
    known = {**words.words("de"), "run.run": "Los", "chart.from_to": "{name} {now} (zuerst {first})"}
    spoken = {"en": words.words("en"), "de": known}
    monkeypatch.setattr(words, "words", spoken.__getitem__)
    with words.laying_out(), PageBlocks(analytics_enabled=False) as page:
        gr.Button(say("run.run"))
        gr.HTML(f"<b>{say('run.run')}</b> {say('chart.from_to', name=say('run.run'), now=1, first=2)}")
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
