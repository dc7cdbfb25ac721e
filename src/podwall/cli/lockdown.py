"""podwall lockdown."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from podwall.cli import flags
from podwall.cli.command import option
from podwall.cli.running import FINDINGS, INCOMPLETE, OK, Streams

if TYPE_CHECKING:
    from podwall.ops.locking import Locked
    from podwall.report.public_lockdown import Lockdown

__all__ = ["EXAMPLES", "lockdown_command"]

EXAMPLES = """\b
Examples:
  podwall lockdown -f manifests/ -d policies/
  podwall lockdown -f manifests/ -d policies/ --dry-run
  podwall lockdown -f manifests/ -d policies/ --answers answers.yaml
  helm template shop ./chart | podwall lockdown -n shop -f - -d policies/
  podwall lockdown -f manifests/ --only shop/checkout > checkout.yaml

\b
What is written into -d:
  00-bracket-NS.yaml     lets everything through while the rest is applied
  10-baseline-NS.yaml    default deny in both directions, and DNS
  20-workloads-NS.yaml   one policy for each workload, with what it needs
  proof/report.md        the needs with file:line, the proof, how to apply it
  proof/expectations.yaml   for podwall test, once the bracket is gone
  proof/questions.yaml   what manifests leave open, to be filled in; later
                         questions are in proof/questions-more.yaml
`kubectl apply -f DIR` is safe at every moment: it does not look into proof/.
Deleting the bracket, and its file, is the step to the default deny.

\b
Exit codes:
  0  proved; questions may be open     3  incomplete input
  1  a need that was found is closed   4  a bug in Podwall
  2  usage or input error
"""


@flags.reading(filtered=True)
def lockdown_command(
    given: flags.Given,
    *,
    output_dir: Annotated[
        str | None,
        option("-d", "--output-dir", metavar="DIR", help="Folder for policies, proof and questions."),
    ] = None,
    answers: Annotated[str | None, option("--answers", metavar="FILE", help="What people say to questions.")] = None,
    only: Annotated[
        str | None,
        option("--only", metavar="NS/WORKLOAD", help="One workload alone: its policy isolates it."),
    ] = None,
    dry_run: Annotated[bool, option("--dry-run", help="Write nothing: say what was found and would change.")] = False,
    bracket: Annotated[bool, option("--bracket", help="Put back the bracket that was lifted.")] = False,
) -> None:
    """Default deny, and everything that the application needs, proved.

    Needs are found in manifests: in environment, arguments and ConfigMaps, by
    Services, Ingresses, routes, webhooks, monitors and more. Each says where
    it was found. What manifests do not tell becomes a question with a drafted
    answer, and nothing is ever opened to everyone for want of an answer.
    """
    named = locals()
    given.run(lambda streams: _lockdown(streams, given, named))


def _lockdown(streams: Streams, given: flags.Given, named: Mapping[str, Any]) -> int:
    from podwall.ops.locked import public_lockdown
    from podwall.ops.lockfolder import earlier
    from podwall.ops.locking import Wanted, lock
    from podwall.report.lockdown import lockdown_text

    inputs, folder = given.inputs(), named["output_dir"]
    command = _typed(inputs.only, named)
    with streams.phase("found, written and proved"):
        wanted = Wanted(command, named["only"], named["answers"], earlier(folder), named["bracket"])
        locked = lock(inputs, wanted)
        answer = public_lockdown(locked, command)
    streams.warn(*locked.opened.warnings, *_forgotten(folder, named["answers"]))
    text = lockdown_text(answer)
    if folder is None and not named["dry_run"]:
        streams.aside(text)
        streams.result(["---\n".join(locked.texts.values())])
    else:
        streams.result(text)
    if folder is not None:
        only = locked.home if named["only"] or inputs.only else None
        streams.result(_into(folder, answer, locked, only, dry_run=named["dry_run"]))
    if locked.opened.partial:
        return INCOMPLETE
    return OK if answer.ok else FINDINGS


def _forgotten(folder: str | None, given: str | None) -> list[str]:
    """What is said where people have written answers, and a run is without any."""
    from podwall.ops.lockfolder import PROOF, answers

    if folder is None or given is not None or answers(folder) is None:
        return []
    file = f"{folder}/{PROOF}/questions.yaml"
    return [f"{file} has answers that do not count: give them with --answers {file}"]


def _into(folder: str, answer: Lockdown, locked: Locked, only: str | None, *, dry_run: bool) -> list[str]:
    from podwall.ops.lockfolder import PROOF, answers, changes, questions, write
    from podwall.report.lockdown_md import lockdown_markdown
    from podwall.report.questions import questions_text

    beside = {"report.md": lockdown_markdown(answer), "expectations.yaml": locked.expectations}
    every = locked.texts | {f"{PROOF}/{name}": text for name, text in beside.items()}
    known = answers(folder) or frozenset()
    left = [question for question in answer.questions if known.isdisjoint((question.key, question.shared))]
    found = [*changes(folder, every, only), *questions(folder, "".join(questions_text(left)) if left else "")]
    if not dry_run:
        write(found)
    would = "would be " if dry_run else ""
    return [f"{change.path}: {would if change.what != 'unchanged' else ''}{change.what}\n" for change in found]


def _typed(namespace: str | None, named: Mapping[str, Any]) -> str:
    """The command without its input: what was asked for, on any machine."""
    words = ["podwall", "lockdown"]
    words += ["-n", namespace] if namespace else []
    words += ["--only", named["only"]] if named["only"] else []
    return shlex.join(words)
