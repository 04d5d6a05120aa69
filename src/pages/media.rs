//! The media type of a file by its extension (RFC 9110, 8.3.1). Unknown extensions are plain bytes,
//! which browsers save and never run.

/// The media type for the file `name`.
#[must_use]
pub fn media_type(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let mut rows = TYPES.lines().filter_map(|line| line.split_once(' '));
    let found = rows.find(|(known, _)| known.eq_ignore_ascii_case(end));
    found.map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// One text: a list of texts has a relocation for each of them.
const TYPES: &str = "\
html text/html; charset=utf-8
htm text/html; charset=utf-8
css text/css; charset=utf-8
js text/javascript; charset=utf-8
mjs text/javascript; charset=utf-8
cjs text/javascript; charset=utf-8
json application/json
map application/json
txt text/plain; charset=utf-8
log text/plain; charset=utf-8
md text/markdown; charset=utf-8
csv text/csv; charset=utf-8
xml application/xml
svg image/svg+xml
png image/png
jpg image/jpeg
jpeg image/jpeg
gif image/gif
webp image/webp
avif image/avif
ico image/vnd.microsoft.icon
woff font/woff
woff2 font/woff2
ttf font/ttf
otf font/otf
wasm application/wasm
pdf application/pdf
mp3 audio/mpeg
ogg audio/ogg
opus audio/ogg
wav audio/wav
flac audio/flac
m4a audio/mp4
mp4 video/mp4
webm video/webm
mov video/quicktime
m3u8 application/vnd.apple.mpegurl
zip application/zip
webmanifest application/manifest+json
";
