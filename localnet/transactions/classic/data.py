"""Named data of accounts."""

from stellar_sdk import xdr
from stellar_sdk.xdr import ManageDataResultCode

from localnet.ledger.accounts import account_id, data_key
from localnet.transactions.classic.operation import OperationFailed, Scene, Success
from localnet.transactions.classic.reserves import create_subentry, remove_subentry
from localnet.transactions.classic.text import is_plain_text


def check_manage_data(body: xdr.OperationBody, _: bytes) -> int:
    operation = body.manage_data_op
    assert operation is not None
    name = operation.data_name.string64
    return 0 if name and is_plain_text(name) else ManageDataResultCode.MANAGE_DATA_INVALID_NAME


def manage_data(body: xdr.OperationBody, scene: Scene) -> Success:
    """Sets a value, or deletes the entry where none is given."""
    operation = body.manage_data_op
    assert operation is not None
    key = data_key(scene.source, operation.data_name.string64)
    known = scene.entries.layer.find(key) is not None
    if operation.data_value is None:
        if not known:
            raise OperationFailed(ManageDataResultCode.MANAGE_DATA_NAME_NOT_FOUND)
        remove_subentry(scene, key)
        return Success()
    entry = xdr.DataEntry(
        account_id(scene.source), operation.data_name, operation.data_value, xdr.DataEntryExt(0)
    )
    data = xdr.LedgerEntryData(xdr.LedgerEntryType.DATA, data=entry)
    if known:
        scene.entries.put(key, data)
    else:
        create_subentry(scene, key, data, ManageDataResultCode.MANAGE_DATA_LOW_RESERVE)
    return Success()
