// Every word of the page, in English and Chinese. {name} is filled in.

const ENGLISH = {
  title: "Show the model a picture",
  title_json: "Ask the service",
  language: "Language",
  question: "Picture",
  answers: "Answers",
  drop: "Drop a picture here, paste one, or choose a file.",
  choose: "Choose a picture",
  send: "Recognise",
  send_json: "Send",
  samples: "No picture at hand? Try one of these",
  samples_drawn: "Drawn pictures: a model of photographs will be wrong on most.",
  history: "Asked before",
  empty: "The answer appears here.",
  loading: "Loading…",
  waiting: "Working…",
  waiting_s: "Working… {seconds} s of at most {limit} s",
  latency: "answered in {ms} ms",
  raw: "Raw JSON",
  copy: "Copy",
  copied: "Copied",
  not_copied: "Select and copy it",
  commands: "The same from the command line",
  guide: "What this service takes and gives",
  privacy: "Pictures go to this service only. Nothing is stored, and no other host is asked.",
  healthy: "ready",
  warming: "warming up",
  restarting: "starting again",
  failed: "failed",
  gone: "no answer",
  status: "How the service does",
  s_now: "At work · waiting",
  s_answered: "Answered",
  s_refused: "Refused",
  s_turned_away: "Turned away (503)",
  s_failed: "Failed",
  s_p50: "Time, median",
  s_p99: "Time, 99 %",
  s_batch: "At once, mean",
  s_workers: "Workers ready",
  s_restarts: "Restarts",
  s_memory: "Memory",
  classes: "{count} classes",
  no_preview: "{name} cannot be shown by this browser. It is sent all the same.",
  several_files: "One picture a request: {name} was taken, the others were left.",
  no_picture_pasted: "There is no picture on the clipboard. Copy a picture, not its address, and paste again.",
  no_picture_dropped: "That was no file. Save the picture and drop its file, or copy and paste it.",
  pictures_first: "Choose a picture first.",
  fields_first: "Choose a picture for each of: {names}.",
  too_large: "{name} has {size}; the test page of the platform takes {limit}. A program may send up to {body} with the command below.",
  e_file: "{name} cannot be read from the disk. A folder cannot be sent; a file may be gone: choose it again.",
  not_json: "This is not JSON: {reason}",
  e_unreadable: "The model cannot read this as a picture.",
  e_refused: "The service refused the request.",
  e_token: "The service asks who you are. Fill in the token below the picture and send again.",
  e_forbidden: "The service does not accept this token.",
  e_not_found: "There is no model at {path}.",
  e_too_large: "The request is too large for the platform, which takes {body}.",
  e_busy: "Too many requests wait. Send again in a moment.",
  e_warming: "The service is still warming up. The picture is sent by itself when it is ready.",
  e_restarting: "The model's process ended and is being started again. The picture is sent by itself when it is ready.",
  e_down: "The model has failed and is not started again. The service's log says why.",
  e_failed: "The model's code failed on this picture. The service's log has the traceback.",
  e_late: "The model took longer than the {limit} s that the platform allows.",
  e_gone: "The service does not answer. Is it still running? Start it again with modelarts-local serve, then send again.",
  e_other: "The service answered {status}.",
  failed_live: "{model}: no answer",
  same: "All {count} models say {label}.",
  differ: "The models disagree.",
  json_label: "Request body (JSON)",
  json_hint: "config.json declares no file, so the console shows this box. Choose a picture to put it in as base64.",
  insert: "Insert a picture as base64",
  no_apis: "config.json declares no apis; the form is made from what the handler reads. The platform's console would show none.",
  token_title: "Who is asking",
  token_header: "Header",
  token_label: "Token",
  token_hint: "Kept on this page until it is closed, and sent to this service only.",
  g_url: "URL",
  g_method: "Method",
  g_takes: "Takes",
  g_gives: "Gives",
  g_metrics: "Metrics",
  g_engine: "Engine",
  g_limits: "Limits",
  g_limits_text: "{page} a picture on this page, {body} a request, {seconds} s an answer",
};

const CHINESE = {
  title: "给模型看一张图片",
  title_json: "调用在线服务",
  language: "语言",
  question: "图片",
  answers: "结果",
  drop: "把图片拖到这里、直接粘贴，或选择文件。",
  choose: "选择图片",
  send: "识别",
  send_json: "发送",
  samples: "手边没有图片？试试这些",
  samples_drawn: "这些图片是画出来的：用照片训练的模型多半会认错。",
  history: "最近的图片",
  empty: "结果会显示在这里。",
  loading: "正在加载…",
  waiting: "正在识别…",
  waiting_s: "正在识别… 已用 {seconds} 秒，上限 {limit} 秒",
  latency: "用时 {ms} 毫秒",
  raw: "原始 JSON",
  copy: "复制",
  copied: "已复制",
  not_copied: "请手动复制",
  commands: "用命令行做同样的事",
  guide: "服务的输入与输出",
  privacy: "图片只发送给本服务，不保存，也不访问任何其他主机。",
  healthy: "就绪",
  warming: "正在预热",
  restarting: "正在重启",
  failed: "异常",
  gone: "无响应",
  status: "服务状态",
  s_now: "处理中 · 排队",
  s_answered: "已回答",
  s_refused: "已拒绝",
  s_turned_away: "繁忙（503）",
  s_failed: "出错",
  s_p50: "用时中位数",
  s_p99: "用时（99%）",
  s_batch: "平均批量",
  s_workers: "就绪的进程",
  s_restarts: "重启次数",
  s_memory: "内存",
  classes: "{count} 个类别",
  no_preview: "浏览器无法显示 {name}，但仍会照常发送。",
  several_files: "每次请求只能发一张图片：已选用 {name}，其余忽略。",
  no_picture_pasted: "剪贴板里没有图片。请复制图片本身（而不是它的地址）后再粘贴。",
  no_picture_dropped: "拖入的不是文件。请先保存图片再拖入文件，或复制后粘贴。",
  pictures_first: "请先选择一张图片。",
  fields_first: "请为以下每个字段选择图片：{names}。",
  too_large: "{name} 大小为 {size}；平台的测试页面上限为 {limit}。用下方命令行调用时，单次请求最多 {body}。",
  e_file: "无法从磁盘读取 {name}。文件夹不能发送；如果文件已移动，请重新选择。",
  not_json: "这不是合法的 JSON：{reason}",
  e_unreadable: "模型无法把它当作图片读取。",
  e_refused: "服务拒绝了这次请求。",
  e_token: "服务需要认证。请在图片下方填写 Token 或 AppCode 后重新发送。",
  e_forbidden: "服务不接受这个 Token 或 AppCode。",
  e_not_found: "{path} 上没有模型。",
  e_too_large: "请求超过了平台上限 {body}。",
  e_busy: "排队的请求过多，请稍后再发送。",
  e_warming: "服务仍在预热，就绪后会自动发送这张图片。",
  e_restarting: "模型进程已退出，正在重新启动，就绪后会自动发送这张图片。",
  e_down: "模型运行异常，不会再自动重启，原因见服务日志。",
  e_failed: "模型代码处理这张图片时出错，服务日志中有完整的错误堆栈。",
  e_late: "模型用时超过了平台允许的 {limit} 秒。",
  e_gone: "服务没有响应。它还在运行吗？请用 modelarts-local serve 重新启动后再发送。",
  e_other: "服务返回了 {status}。",
  failed_live: "{model}：没有结果",
  same: "{count} 个模型都认为是 {label}。",
  differ: "各模型的结果不一致。",
  json_label: "请求体（JSON）",
  json_hint: "config.json 没有声明文件输入，因此控制台显示此输入框。可以选择图片，以 base64 填入。",
  insert: "以 base64 插入图片",
  no_apis: "config.json 没有声明 apis，此表单按推理代码读取的字段生成；平台的控制台不会显示上传按钮。",
  token_title: "认证信息",
  token_header: "请求头",
  token_label: "Token 或 AppCode",
  token_hint: "只保留到关闭本页为止，且只发送给本服务。",
  g_url: "地址",
  g_method: "方法",
  g_takes: "输入",
  g_gives: "输出",
  g_metrics: "评估指标",
  g_engine: "引擎",
  g_limits: "限制",
  g_limits_text: "本页单张图片 {page}，单次请求 {body}，响应 {seconds} 秒",
};

const LANGUAGES = { en: { words: ENGLISH, tag: "en" }, zh: { words: CHINESE, tag: "zh-CN" } };
const REMEMBERED = "modelarts-local.language";

/** The words of the chosen language; its members change when the language does. */
export const words = { ...ENGLISH };
export let language = "en";

/** Fills the {names} of a message. */
export function fill(message, values) {
  return message.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Returns the language remembered from last time, else the browser's. */
export function preferredLanguage() {
  try {
    const remembered = localStorage.getItem(REMEMBERED);
    if (remembered in LANGUAGES) return remembered;
  } catch {
    // a browser that stores nothing
  }
  return /^zh\b/i.test(navigator.language) ? "zh" : "en";
}

/** Puts every fixed word of the page into `chosen`, and remembers it when the user chose it. */
export function setLanguage(chosen, remember = false) {
  language = chosen;
  Object.assign(words, LANGUAGES[chosen].words);
  document.documentElement.lang = LANGUAGES[chosen].tag;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = words[node.dataset.text];
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", words[node.dataset.label]);
  for (const node of document.querySelectorAll("[data-language]")) {
    node.setAttribute("aria-pressed", String(node.dataset.language === chosen));
  }
  if (!remember) return;
  try {
    localStorage.setItem(REMEMBERED, chosen);
  } catch {
    // it is asked again next time
  }
}
