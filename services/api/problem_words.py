"""Say the title of each problem in both languages of the pages."""

from collections.abc import Mapping
from typing import Final

from services.api.asking import Language

_TITLES: Final = (
    ("error", "出错了", "Something failed"),
    ("refused", "请求被拒绝", "The request was refused"),
    ("invalid", "内容或格式不正确", "A value has the wrong form or meaning"),
    ("range-outside", "时间范围不在录像之内", "The range lies outside the recording"),
    ("clip-too-long", "片段过长，请改用移交包", "The clip is too long for a request; use an export"),
    ("wrong-content-type", "内容类型不正确", "The body is not of the kind this address takes"),
    ("unauthenticated", "请先登录", "Log in first"),
    ("login-refused", "登录失败", "The login was refused"),
    ("not-allowed", "没有权限", "You may not do this"),
    ("reason-required", "需要填写查看理由", "This look needs a reason"),
    ("not-found", "未找到", "There is no such thing"),
    ("gone", "已经结束", "It was here and has ended"),
    ("conflict", "与当前状态冲突", "The thing's state contradicts the request"),
    ("offset-mismatch", "上传位置不衔接", "The bytes do not continue where the upload ends"),
    ("idempotency-conflict", "同一幂等键的内容不同", "The same key came with another body"),
    ("not-playable", "录像无法播放", "Nothing of this recording can be shown"),
    ("precondition-required", "修改时需要 If-Match", "A change needs If-Match"),
    ("precondition-failed", "内容已被他人修改", "It changed since you read it"),
    ("checksum-mismatch", "校验和不一致", "The bytes differ from their checksum"),
    ("too-large", "超过允许的大小", "More than the archive takes at once"),
    ("body-stalled", "传输中断", "The body stopped coming"),
    ("wrong-gate", "该上传在另一个入口", "The upload lies at another gate"),
    ("verbatim-not-possible", "此范围无法原样截取", "This range cannot be cut without re-encoding"),
    ("unavailable", "暂时不可用", "Not available now"),
    ("store-unavailable", "对象存储暂时不可用", "The object store does not answer"),
    ("disk-full", "磁盘空间不足", "There is no room"),
    ("database-busy", "数据库繁忙", "The database is busy"),
    ("too-many-requests", "请求过于频繁", "Slow down"),
    ("asked-to-wait", "对方要求稍后再试", "Another archive asked to wait"),
    ("not-ready", "尚未准备好", "It is still being made"),
    ("integrity", "存储内容与记录不符", "What is stored contradicts what was recorded"),
    ("digest-mismatch", "哈希值不一致", "The bytes differ from their recorded digest"),
    ("object-conflict", "该位置已有其他内容", "Other bytes are already kept there"),
    ("unrecorded-change", "更改缺少台账记录", "A change lacked its ledger entry"),
    ("media", "文件无法按其类型读取", "The file cannot be read as what it claims to be"),
    ("unplayable", "文件无法播放", "The file cannot be played"),
    ("empty", "文件为空", "The file is empty"),
    ("not-media", "不是录像文件", "The file is no recording"),
    ("truncated", "文件不完整", "The file is truncated"),
    ("no-index", "文件缺少索引", "The file lacks its index"),
    ("bad-sample-tables", "文件索引自相矛盾", "The file's tables contradict themselves"),
    ("hostile-container", "文件带有恶意结构", "The file is made to do harm"),
    ("no-decoder", "没有允许的解码器", "No decoder is allowed for this file"),
    ("tool-failed", "内部程序失败", "A program of the archive failed"),
    ("deadline-passed", "处理超时", "The work took too long"),
    ("misconfigured", "系统配置有误", "The archive is set up wrongly"),
    ("method-not-allowed", "此地址不支持该方法", "This address does not answer that method"),
    ("internal", "系统内部错误", "Something failed inside"),
)

WORDS: Final[Mapping[str, Mapping[Language, str]]] = {code: {"zh": zh, "en": en} for code, zh, en in _TITLES}
