"""Which of the user's variables a candidate's code may see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.sandbox.environment import is_secret, without_secrets

NAMES = st.text("ABCDEFKEYTOKNSR_xyz123", min_size=1, max_size=20)
ENVIRONS = st.dictionaries(NAMES, st.text(max_size=10), max_size=10)
SECRETS = [
    *("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN", "GITHUB_TOKEN", "WANDB_API_KEY"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS", "KUBECONFIG"),
    *("DB_PASSWORD", "PGPASSFILE", "MYSQL_PWD", "SMTP_PASS", "SENTRY_DSN", "SLACK_WEBHOOK_URL"),
    *("NPM_CONFIG__AUTH", "AZURE_CONNECTION_STRING", "GH_PAT", "SESSION_COOKIE", "openai_api_key"),
]
HARMLESS = [
    *(
        "PATH",
        "HOME",
        "LANG",
        "PWD",
        "OLDPWD",
        "SHELL",
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "UV_CACHE_DIR",
    ),
    *("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "HF_HOME", "TORCH_HOME"),
    *("TOKENIZERS_PARALLELISM", "XDG_SESSION_TYPE", "NCCL_DEBUG", "SSL_CERT_FILE", "TMPDIR"),
]


@pytest.mark.parametrize("name", SECRETS)
def test_names_that_say_it(name: str) -> None:
    assert is_secret(name)
    assert without_secrets({name: "x", "PATH": "/bin"}) == {"PATH": "/bin"}
    assert without_secrets({name: "x"}, keep=[name]) == {name: "x"}


@pytest.mark.parametrize(
    "value",
    [
        "https://user:password@registry.example.org/simple",
        "postgres://:password@localhost/db",
        "sk-proj-abcdefghijklmnopqrstuvwxyz",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "hf_abcdefghijklmnopqrstuvwxyzABCDEF",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    ],
)
def test_values_that_show_it(value: str) -> None:
    assert without_secrets({"INDEX": value, "PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_programs_need_is_handed_on(name: str) -> None:
    assert without_secrets({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "value", ["https://example.org:8080/a@b", "/usr/bin:/bin", "hf_model", "sk-learn", "a:b@c", ""]
)
def test_values_that_only_look_a_little_like_it(value: str) -> None:
    assert without_secrets({"SETTING": value}) == {"SETTING": value}


@pytest.mark.parametrize("name", ["SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "TMUX"])
def test_the_users_session_is_left_out(name: str) -> None:
    assert without_secrets({name: "value"}) == {}


@given(ENVIRONS, st.sets(NAMES))
def test_what_is_left_is_the_users_own(environ: dict[str, str], keep: set[str]) -> None:
    """Nothing is added or changed, nothing that was named is lost, and no secret is left."""
    left = without_secrets(environ, keep=keep)
    assert left.items() <= environ.items()
    assert environ.keys() & keep <= left.keys()
    assert not [name for name in left.keys() - keep if is_secret(name, left[name])]
    assert without_secrets(left, keep=keep) == left
