"""python -m sandbox demo | run | test | check | chromium | screenshots | lighthouse | social-card"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from sandbox import chromium
from sandbox.errors import SandboxError


def main(arguments: Sequence[str]) -> int:
    began = time.monotonic()
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        return _act(options, began)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"{error.filename or error} belongs to another user; remove it or start as that user.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _act(options: argparse.Namespace, began: float) -> int:
    match options.verb:
        case "demo":
            from sandbox.demo import demo  # noqa: PLC0415 - it loads Django, which the other verbs do without

            return demo(port=_port(options.port), began=began)
        case "run":
            from sandbox.run import run  # noqa: PLC0415 - it loads the servers

            command = options.command[1:] if options.command[:1] == ["--"] else options.command
            if not command:
                raise SandboxError("Name the command to run: python -m sandbox run -- python manage.py shell")
            return run(command, temporary=options.temporary, durable=not options.relaxed)
        case "test":
            from sandbox.testing import test  # noqa: PLC0415 - it loads the servers

            arguments = options.arguments[1:] if options.arguments[:1] == ["--"] else options.arguments
            return test(arguments, long=options.long)
        case "check":
            from sandbox.checking import check  # noqa: PLC0415 - it loads the servers

            return check()
        case "screenshots":
            _set_up_django()
            from sandbox.screenshots import take  # noqa: PLC0415 - it loads Playwright

            print(f"{take(options.site.rstrip('/'), only=options.only)} pictures are in docs/screenshots/.")
            return 0
        case "lighthouse":
            _set_up_django()
            from sandbox.lighthouse.auditing import audit  # noqa: PLC0415 - it loads the sample data's models

            return audit()
        case "social-card":
            from sandbox.social_card import draw  # noqa: PLC0415 - it loads Playwright

            print(draw())
            return 0
        case _:
            found = chromium.find_or_install()
            if not found:
                raise SandboxError(chromium.advice())
            print(found)
            return 0


def _set_up_django() -> None:
    """Let the sample data's people be loaded: they are models."""
    import django  # noqa: PLC0415 - most verbs work without it, and sooner

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cleverai.settings")
    django.setup()


def _leave(number: int, frame: FrameType | None) -> None:
    """Turn a signal into an orderly way out, past every clean-up."""
    raise SystemExit(128 + number)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise SandboxError(f"PORT={text} is not a port. Choose one from 1 to 65535: make demo PORT=8000")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="All of CleverAI on this machine.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    demo = verbs.add_parser("demo", help="start everything, with sample data and live traffic")
    demo.add_argument("--port", default=os.environ.get("PORT") or "8000", help="default: PORT, or 8000")
    run = verbs.add_parser("run", help="run a command with the servers behind it")
    run.add_argument("--temporary", action="store_true", help="on fresh servers that are thrown away afterwards")
    run.add_argument("--relaxed", action="store_true", help="faster, and not safe against a power cut")
    run.add_argument("command", nargs=argparse.REMAINDER, help="after --")
    test = verbs.add_parser("test", help="run the tests on servers of their own")
    test.add_argument("--long", action="store_true", help="with the long figures")
    test.add_argument("arguments", nargs=argparse.REMAINDER, help="for pytest, after --")
    verbs.add_parser("check", help="run every check of the code, the templates and the settings")
    verbs.add_parser("chromium", help="print the path of Chromium, installing it if that needs no permission")
    verbs.add_parser("social-card", help="draw the picture that other sites show beside a link to us")
    screenshots = verbs.add_parser("screenshots", help="take pictures of the running demo's pages")
    screenshots.add_argument("only", nargs="*", metavar="NAME", help="only these, as sandbox/pictures.py names them")
    screenshots.add_argument("--site", default=f"http://127.0.0.1:{os.environ.get('PORT') or '8000'}")
    verbs.add_parser("lighthouse", help="audit the demo's pages with Lighthouse")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
