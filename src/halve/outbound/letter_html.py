"""The HTML of the e-mail: tables and inline styles, since mail programs know little else; nothing is loaded from anywhere."""

TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{{ words.headline }}</title>
</head>
<body style="margin:0;padding:24px 12px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif">
<table role="presentation" align="center" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px;margin:0 auto">
<tr><td>
<h1 style="font-size:20px;line-height:1.3;margin:0 0 8px">{{ words.headline }}</h1>
{% if words.saving %}<p style="margin:0 0 16px">{{ words.saving }}</p>
{% endif -%}
<table cellpadding="0" cellspacing="0" style="margin:0 0 20px">
{% for name, value in words.numbers -%}
<tr><th align="left" scope="row" style="font-weight:normal;padding:2px 24px 2px 0">{{ name }}</th>
<td align="right" style="font-weight:bold">{{ value }}</td></tr>
{% endfor -%}
</table>
{% if words.sheet %}<p style="margin:0 0 16px">{{ words.sheet }}
{% if words.link %}<br><a href="{{ words.link }}">{{ words.link }}</a>{% endif %}</p>
{% endif -%}
{% if words.failures -%}
<h2 style="font-size:16px;margin:0 0 4px">What failed</h2>
<ul style="margin:0 0 16px;padding-left:20px">
{% for failure in words.failures -%}
<li>{{ failure }}</li>
{% endfor -%}
</ul>
{% if words.more %}<p style="margin:0 0 16px">{{ words.more }}</p>
{% endif -%}
{% endif -%}
{% if words.failed_link -%}
<p style="margin:0 0 16px">The rows with failures alone, to be mended and uploaded again:
<br><a href="{{ words.failed_link }}">{{ words.failed_link }}</a></p>
{% endif -%}
<p style="margin:24px 0 0;font-size:13px;opacity:.7">{{ words.footer }}</p>
</td></tr>
</table>
</body>
</html>
"""
