"""The numbers of the protocol: requests, answers, and the codes of its one message for all news."""

from enum import IntEnum, StrEnum


class Request(StrEnum):
    """What a client may ask."""

    START = "start"
    MARKET_DATA = "market_data"
    CANCEL_MARKET_DATA = "cancel_market_data"
    MARKET_DATA_TYPE = "market_data_type"
    PLACE_ORDER = "place_order"
    CANCEL_ORDER = "cancel_order"
    GLOBAL_CANCEL = "global_cancel"
    OPEN_ORDERS = "open_orders"
    ALL_OPEN_ORDERS = "all_open_orders"
    AUTO_OPEN_ORDERS = "auto_open_orders"
    COMPLETED_ORDERS = "completed_orders"
    EXECUTIONS = "executions"
    IDS = "ids"
    MANAGED_ACCOUNTS = "managed_accounts"
    ACCOUNT_UPDATES = "account_updates"
    ACCOUNT_UPDATES_MULTI = "account_updates_multi"
    CANCEL_ACCOUNT_UPDATES_MULTI = "cancel_account_updates_multi"
    ACCOUNT_SUMMARY = "account_summary"
    CANCEL_ACCOUNT_SUMMARY = "cancel_account_summary"
    POSITIONS = "positions"
    CANCEL_POSITIONS = "cancel_positions"
    POSITIONS_MULTI = "positions_multi"
    CANCEL_POSITIONS_MULTI = "cancel_positions_multi"
    CONTRACT_DETAILS = "contract_details"
    HISTORICAL_DATA = "historical_data"
    CANCEL_HISTORICAL_DATA = "cancel_historical_data"
    HEAD_TIMESTAMP = "head_timestamp"
    CANCEL_HEAD_TIMESTAMP = "cancel_head_timestamp"
    CURRENT_TIME = "current_time"
    PNL = "pnl"
    CANCEL_PNL = "cancel_pnl"
    PNL_SINGLE = "pnl_single"
    CANCEL_PNL_SINGLE = "cancel_pnl_single"
    SERVER_LOG_LEVEL = "server_log_level"
    UNKNOWN = "unknown"


REQUESTS = {
    1: Request.MARKET_DATA,
    2: Request.CANCEL_MARKET_DATA,
    3: Request.PLACE_ORDER,
    4: Request.CANCEL_ORDER,
    5: Request.OPEN_ORDERS,
    6: Request.ACCOUNT_UPDATES,
    7: Request.EXECUTIONS,
    8: Request.IDS,
    9: Request.CONTRACT_DETAILS,
    14: Request.SERVER_LOG_LEVEL,
    15: Request.AUTO_OPEN_ORDERS,
    16: Request.ALL_OPEN_ORDERS,
    17: Request.MANAGED_ACCOUNTS,
    20: Request.HISTORICAL_DATA,
    25: Request.CANCEL_HISTORICAL_DATA,
    49: Request.CURRENT_TIME,
    58: Request.GLOBAL_CANCEL,
    59: Request.MARKET_DATA_TYPE,
    61: Request.POSITIONS,
    62: Request.ACCOUNT_SUMMARY,
    63: Request.CANCEL_ACCOUNT_SUMMARY,
    64: Request.CANCEL_POSITIONS,
    71: Request.START,
    74: Request.POSITIONS_MULTI,
    75: Request.CANCEL_POSITIONS_MULTI,
    76: Request.ACCOUNT_UPDATES_MULTI,
    77: Request.CANCEL_ACCOUNT_UPDATES_MULTI,
    87: Request.HEAD_TIMESTAMP,
    90: Request.CANCEL_HEAD_TIMESTAMP,
    92: Request.PNL,
    93: Request.CANCEL_PNL,
    94: Request.PNL_SINGLE,
    95: Request.CANCEL_PNL_SINGLE,
    99: Request.COMPLETED_ORDERS,
}

# Where a request names what it is about, counted from the field after its number.
ID_AT = {
    Request.MARKET_DATA: 1,
    Request.PLACE_ORDER: 0,
    Request.CANCEL_ORDER: 1,
    Request.EXECUTIONS: 1,
    Request.CONTRACT_DETAILS: 1,
    Request.HISTORICAL_DATA: 0,
    Request.HEAD_TIMESTAMP: 0,
    Request.ACCOUNT_SUMMARY: 1,
    Request.ACCOUNT_UPDATES_MULTI: 1,
    Request.POSITIONS_MULTI: 1,
    Request.PNL: 0,
    Request.PNL_SINGLE: 0,
}
SYMBOL_AT = {
    Request.MARKET_DATA: 3,
    Request.PLACE_ORDER: 2,
    Request.CONTRACT_DETAILS: 3,
    Request.HISTORICAL_DATA: 2,
    Request.HEAD_TIMESTAMP: 2,
}


class Answer(IntEnum):
    """What a gateway sends."""

    TICK_PRICE = 1
    TICK_SIZE = 2
    ORDER_STATUS = 3
    ERROR = 4
    OPEN_ORDER = 5
    ACCOUNT_VALUE = 6
    PORTFOLIO = 7
    ACCOUNT_TIME = 8
    NEXT_VALID_ID = 9
    CONTRACT_DETAILS = 10
    EXECUTION = 11
    MANAGED_ACCOUNTS = 15
    HISTORICAL_DATA = 17
    TICK_GENERIC = 45
    TICK_STRING = 46
    CURRENT_TIME = 49
    CONTRACT_DETAILS_END = 52
    OPEN_ORDER_END = 53
    ACCOUNT_DOWNLOAD_END = 54
    EXECUTION_END = 55
    TICK_SNAPSHOT_END = 57
    MARKET_DATA_TYPE = 58
    COMMISSION = 59
    POSITION = 61
    POSITION_END = 62
    ACCOUNT_SUMMARY = 63
    ACCOUNT_SUMMARY_END = 64
    POSITION_MULTI = 71
    POSITION_MULTI_END = 72
    ACCOUNT_UPDATE_MULTI = 73
    ACCOUNT_UPDATE_MULTI_END = 74
    TICK_PARAMETERS = 81
    HEAD_TIMESTAMP = 88
    PNL = 94
    PNL_SINGLE = 95
    COMPLETED_ORDER = 101
    COMPLETED_ORDER_END = 102


class Code(IntEnum):
    """What went wrong, or is only worth knowing."""

    TOO_FAST = 100
    DUPLICATE_ORDER_ID = 103
    MODIFY_FILLED = 104
    MODIFY_OTHER = 105
    PRICE_STEP = 110
    TIME_IN_FORCE = 113
    NOT_CANCELLABLE = 161
    HISTORY = 162
    NO_DEFINITION = 200
    REFUSED = 201
    CANCELLED = 202
    READING = 320
    VALIDATING = 321
    SUMMARIES = 322
    ID_IN_USE = 326
    NOT_SUBSCRIBED = 354
    UNKNOWN_HISTORY = 366
    HELD = 399
    LOCATING = 404
    SIZE_ZERO = 434
    ACCOUNT_NEEDED = 435
    NO_PERMISSION = 460
    NOT_CONNECTED = 504
    UNKNOWN_REQUEST = 505
    LINK_LOST = 1100
    LINK_BACK_DATA_LOST = 1101
    LINK_BACK = 1102
    FARM_LOST = 2103
    FARM_OK = 2104
    HISTORY_FARM_OK = 2106
    DEFINITIONS_OK = 2158
    NEEDS_SUBSCRIPTION = 10089
    CANCEL_UNKNOWN = 10147
    CANCEL_ENDED = 10148
    DELAYED_SHOWN = 10167
    DELAYED_OFF = 10168
    COMPETING = 10197
    FRACTIONAL = 10243
    BY_VALUE = 10244
    PRESET = 10349


_TEXTS = {
    Code.TOO_FAST: "Max rate of messages per second has been exceeded",
    Code.DUPLICATE_ORDER_ID: "Duplicate order id",
    Code.MODIFY_FILLED: "Cannot modify a filled order.",
    Code.MODIFY_OTHER: "Order being modified does not match original order",
    Code.PRICE_STEP: "The price does not conform to the minimum price variation for this contract.",
    Code.TIME_IN_FORCE: "The Tif option should be set to DAY for MOC and LOC orders.",
    Code.NOT_CANCELLABLE: (
        "Cancel attempted when order is not in a cancellable state.  Order permId ={}"
    ),
    Code.HISTORY: "Historical Market Data Service error message:{}",
    Code.NO_DEFINITION: "No security definition has been found for the request",
    Code.REFUSED: "Order rejected - reason:{}",
    Code.CANCELLED: "Order Canceled - reason:{}",
    Code.READING: "Error reading request. {}",
    Code.VALIDATING: "Error validating request.-'bN' : cause - {}",
    Code.SUMMARIES: "Error processing request.-'bN' : cause - Maximum number of account summary"
    " requests exceeded",
    Code.ID_IN_USE: "Unable to connect as the client id is already in use."
    " Retry with a unique client id.",
    Code.NOT_SUBSCRIBED: "Requested market data is not subscribed.",
    Code.UNKNOWN_HISTORY: "No historical data query found for ticker id:{}",
    Code.HELD: "Order Message:\nWarning: Your order will not be placed at the exchange until {}",
    Code.LOCATING: "Order held while securities are located.",
    Code.SIZE_ZERO: "The order size cannot be zero.",
    Code.ACCOUNT_NEEDED: "You must specify an account.",
    Code.NO_PERMISSION: "No trading permissions.",
    Code.NOT_CONNECTED: "Not connected",
    Code.UNKNOWN_REQUEST: "Fatal Error: Unknown message id.",
    Code.LINK_LOST: "Connectivity between IB and Trader Workstation has been lost.",
    Code.LINK_BACK_DATA_LOST: "Connectivity between IB and Trader Workstation has been restored"
    " - data lost.",
    Code.LINK_BACK: "Connectivity between IB and Trader Workstation has been restored"
    " - data maintained.",
    Code.FARM_LOST: "Market data farm connection is broken:{}",
    Code.FARM_OK: "Market data farm connection is OK:{}",
    Code.HISTORY_FARM_OK: "HMDS data farm connection is OK:{}",
    Code.DEFINITIONS_OK: "Sec-def data farm connection is OK:{}",
    Code.NEEDS_SUBSCRIPTION: "Requested market data requires additional subscription for API."
    " Delayed market data is available.{}",
    Code.CANCEL_UNKNOWN: "OrderId {} that needs to be cancelled is not found.",
    Code.CANCEL_ENDED: "OrderId {} that needs to be cancelled can not be cancelled, state: {}.",
    Code.DELAYED_SHOWN: "Requested market data is not subscribed. Displaying delayed market data.",
    Code.DELAYED_OFF: "Requested market data is not subscribed."
    " Delayed market data is not enabled.",
    Code.COMPETING: "No market data during competing live session",
    Code.FRACTIONAL: "Fractional-sized order cannot be placed via API.",
    Code.BY_VALUE: "Cash quantity cannot be used for this order.",
    Code.PRESET: "Order TIF was set to {} based on order preset.",
}


def text_of(code: int, *details: object) -> str:
    """Return what a code is told with; a code without words of its own is told by the details."""
    words = _TEXTS.get(Code(code)) if code in set(Code) else None
    return words.format(*details, "", "") if words else " ".join(str(each) for each in details)
