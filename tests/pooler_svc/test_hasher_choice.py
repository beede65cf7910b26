import psutil
import pytest
from pydantic import ValidationError

from miner_ext.scheduling import usable_cpus
from pooler_svc.hasher_choice import choose_hasher, environment_for_others
from pooler_svc.hashers import ProcessHasher
from pooler_svc.settings import PoolerSettings


def settings(**values: str) -> PoolerSettings:
    known = {"stellar_network": "local", "rpc_url": "http://127.0.0.1:8000", "pooler_api_key": "k"}
    return PoolerSettings.model_validate(known | values)


def test_without_a_command_it_is_our_own() -> None:
    assert repr(choose_hasher(settings())) == "<ProcessHasher pid=None jobs=0>"


async def test_our_own_runs_where_and_how_the_settings_say() -> None:
    cpu = max(usable_cpus())
    chosen = choose_hasher(settings(hasher_cpus=str(cpu), hasher_nice="7", kale_miner_isa="portable"))
    assert isinstance(chosen, ProcessHasher)
    await chosen.start()
    try:
        process = psutil.Process(chosen.pid)
        assert process.cpu_affinity() == [cpu]
        assert process.nice() == max(7, psutil.Process().nice())
        assert process.environ()["KALE_MINER_ISA"] == "portable"
    finally:
        await chosen.stop()


@pytest.mark.parametrize("style", ["range", "difficulty"])
def test_with_a_command_it_is_that_one(style: str) -> None:
    chosen = choose_hasher(settings(hasher_command="./miner {} --gpu", hasher_command_style=style))
    assert repr(chosen) == f"<CommandHasher {style} ./miner pid=None jobs=0>"


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("hasher_cpus", "0,one", "must be CPU numbers like 0-3,8, got '0,one'"),
        ("hasher_cpus", "99999", "must be some of the CPUs usable here"),
        ("hasher_nice", "20", "less than or equal to 19"),
        ("hasher_nice", "-1", "greater than or equal to 0"),
        ("kale_miner_isa", "sse9", "must be one of .*portable"),
        ("hasher_command", "./miner 'x", "No closing quotation"),
        ("hasher_command", "{}", "must begin with a program"),
        ("hasher_command_style", "fast", "'range' or 'difficulty'"),
        ("hasher_command_nonces", "0", "greater than or equal to 1"),
        ("hasher_command_nonces", "1000000000001", "less than or equal to 1000000000000"),
        ("hasher_command_wall_seconds", "0", "greater than or equal to 0.1"),
        ("hasher_command_wall_seconds", "601", "less than or equal to 600"),
    ],
)
def test_what_is_wrong_is_named(key: str, value: str, text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        settings(**{key: value})


def test_others_get_what_a_program_of_the_gpu_needs() -> None:
    environment = {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "LD_LIBRARY_PATH": "/opt/rocm/lib",
        "XDG_RUNTIME_DIR": "/run/user/1000",
        "CUDA_VISIBLE_DEVICES": "0",
        "NVIDIA_VISIBLE_DEVICES": "all",
        "HIP_VISIBLE_DEVICES": "1",
        "ROCR_VISIBLE_DEVICES": "1",
        "GPU_MAX_HEAP_SIZE": "100",
        "OCL_ICD_VENDORS": "/etc/OpenCL/vendors",
        "KALE_MINER_ISA": "portable",
    }
    assert environment_for_others(environment) == environment


def test_others_get_no_setting_of_ours_but_the_instruction_set() -> None:
    ours = {name.upper(): "1" for name in PoolerSettings.model_fields}
    assert environment_for_others(ours) == {"KALE_MINER_ISA": "1"}


@pytest.mark.parametrize(
    "name",
    [
        *("API_KEY", "MASTER_KEY", "DATABASE_URL", "PGPASSWORD", "GITHUB_TOKEN", "AWS_SESSION_TOKEN"),
        *("HTTPS_PROXY", "SSH_AUTH_SOCK", "PYTHONPATH", "PATH_OF_KEY", "MY_CUDA_KEY", "unheard_of"),
    ],
)
def test_others_get_nothing_that_is_not_known_to_be_harmless(name: str) -> None:
    assert environment_for_others({name: "sesame", "HOME": "/home/ada"}) == {"HOME": "/home/ada"}
