//! The path of a file by its name, and whether the name is that of a program. Nothing here reads
//! the disk.
//!
//! On some systems every file is executable (WSL, exFAT, CIFS, bind mounts). There the mode does
//! not distinguish programs from pages, data and copies, but names do. A file whose name is not
//! that of a program is never served as one. `static-root` may serve it.

use std::ffi::OsStr;
use std::path::Path;

use crate::programs::INDEX;

/// The folder of a path, without the slash at its end, and the name in that folder. `None` if the
/// path can name no program. The path of a request has been checked already; this function protects
/// callers of the library.
pub(super) fn split(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.rsplit_once('/')?;
    let name = if name.is_empty() { INDEX } else { name };
    // Before the first slash there is nothing.
    let mut folders = folder.split('/');
    let proper = folders.next() == Some("") && folders.all(is_name) && is_name(name);
    proper.then_some((folder, name))
}

/// The canonical path of a program, from its folder and its name without extension.
pub(super) fn key(folder: &str, stem: &str) -> String {
    format!("{folder}/{}", if stem == INDEX { "" } else { stem })
}

/// Whether a name may be part of a path. One with a dot in front is hidden, one with an underscore
/// is for code that programs share.
pub(super) fn is_name(name: &str) -> bool {
    let is_odd = |c: char| c.is_control() || c == '\\';
    !name.is_empty() && !name.starts_with(['.', '_']) && !name.contains(is_odd)
}

/// The name of a file without its extension, which consists of letters and digits.
pub(super) fn stem_of(file: &str) -> &str {
    let is_plain = |end: &str| !end.is_empty() && end.chars().all(|c| c.is_ascii_alphanumeric());
    match file.rsplit_once('.') {
        Some((stem, end)) if !stem.is_empty() && is_plain(end) => stem,
        Some(_) | None => file,
    }
}

/// Whether it is a page, data, or another file that is never a program.
pub(super) fn is_data(file: &str) -> bool {
    ends_with_one_of(file, DATA)
}

/// Whether it is a source for some tool. It is a program only if it names an interpreter, as a
/// script does.
pub(super) fn is_source(file: &str) -> bool {
    ends_with_one_of(file, SOURCES) || PLAIN.split(' ').any(|name| name == file)
}

/// Whether it is a backup or another copy; `is_file` says whether a file of that name is in the
/// same folder.
pub(super) fn is_copy(file: &str, is_file: impl Fn(&str) -> bool) -> bool {
    let is_marked = file.ends_with('~')
        || (file.starts_with('#') && file.ends_with('#'))
        || file.contains("___jb_");
    let Some((whole, end)) = file.rsplit_once('.').filter(|_| !is_marked) else { return is_marked };
    // A number may be a version. It marks a copy only if the file that was copied is there.
    let is_counted = !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit());
    ends_with_one_of(file, COPIES)
        || (is_counted && (is_file(whole) || ends_with_one_of(whole, COPIES)))
}

/// Whether it is a library, or a part of one: `libx.so`, `libx.so.1.2`.
pub(super) fn is_library(file: &str) -> bool {
    let name = file.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit());
    let is_shared =
        ends_with_one_of(name, "so") && !file[name.len()..].starts_with(char::is_numeric);
    is_shared || ends_with_one_of(file, LIBRARIES)
}

/// Whether an executable of this name would be an interpreter or a shell, if it is no script:
/// `python3.11`, `bash-static`, `node`.
pub(super) fn is_interpreter(file: &str) -> bool {
    let name = file.to_ascii_lowercase();
    let name = name.strip_suffix("-static").unwrap_or(&name);
    let word = name.trim_end_matches(|c: char| !c.is_ascii_alphabetic());
    word.starts_with("python") || word.starts_with("pypy") || is_one_of(word, INTERPRETERS)
}

/// Whether a folder of this name has packages or the private files of a tool.
pub(super) fn is_of_packages(folder: &OsStr) -> bool {
    PACKAGES.iter().any(|name| folder == *name)
}

fn ends_with_one_of(file: &str, extensions: &str) -> bool {
    let end = Path::new(file).extension().and_then(OsStr::to_str).unwrap_or_default();
    is_one_of(end, extensions)
}

fn is_one_of(word: &str, words: &str) -> bool {
    words.split(' ').any(|other| other.eq_ignore_ascii_case(word))
}

// One text each, since a list of texts has a relocation for each of them.

/// In this order: pages with what they load, and templates of them; images, fonts, sound and film;
/// texts and tables; settings and keys; what servers and tools leave behind; archives. A script for
/// browsers looks like one for servers, so that `js`, `mjs` and `cjs` are not among them.
const DATA: &str = "html htm xhtml css scss sass less map wasm pdf vue svelte ejs hbs j2 tmpl tpl \
    webmanifest \
    svg png jpg jpeg gif webp avif ico bmp tif tiff woff woff2 ttf otf eot mp3 mp4 m4a ogg opus \
    wav flac webm mov \
    txt md rst adoc tex csv tsv json jsonl geojson xml sql proto graphql ipynb parquet transcript \
    diff patch doc docx xls xlsx odt ods \
    yaml yml toml ini conf cfg config env properties service socket timer mod sum pem crt cer csr \
    key pub \
    log db db-wal db-shm db-journal sqlite sqlite3 dat pkl pid lock sock pyc \
    gz tgz bz2 xz zst tar zip 7z whl";

/// Sources that compilers and shells of other systems read.
const SOURCES: &str = "rs c h cc cpp hpp go java cs ts tsx jsx ps1 bat cmd";

/// Usual files of repositories without extension. The comparison is case-sensitive, so that
/// `notice` may be a program.
const PLAIN: &str = "LICENSE LICENCE COPYING NOTICE AUTHORS CHANGELOG README CNAME CODEOWNERS \
    Makefile GNUmakefile Dockerfile Containerfile Procfile Pipfile Gemfile Rakefile";

/// Extensions that editors, patches and package managers give to copies.
const COPIES: &str = "bak bck backup copy old orig new save sav tmp temp part rej swp swo dpkg-old \
    dpkg-new dpkg-dist dpkg-tmp ucf-old ucf-new ucf-dist rpmsave rpmnew rpmorig";

/// Files that linkers read and write, which are often executable.
const LIBRARIES: &str = "dylib dll a la o";

/// Programs that execute their input or their arguments: as a service, they would do so for each
/// peer.
/// Names that begin with `python` or `pypy` come on top.
const INTERPRETERS: &str = "sh ash bash csh dash fish ksh mksh rbash tcsh zsh pwsh busybox toybox \
    awk gawk mawk nawk node nodejs deno bun qjs perl ruby irb php php-cgi lua luajit tclsh wish \
    expect guile java rscript julia erl elixir iex ocaml ghci swipl sbcl octave groovy scala \
    dotnet mono gdb sqlite psql mysql";

/// Folders that package managers, version control and interpreters fill.
const PACKAGES: [&str; 4] = ["node_modules", ".git", "__pycache__", "site-packages"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_have_no_path() {
        let beside = |name: &str| ["shout.py", "shout", "v2"].contains(&name);
        let rows = [
            (true, "shout.py.bak shout.py.BAK shout.py.orig shout.py.old shout.py.1 shout.py.12"),
            (true, "shout.py.save shout.py.save.1 shout.py~ shout.py.~1~ #shout.py# shout.py.swp"),
            (true, "shout.py___jb_tmp___ shout.py.rej shout.py.dpkg-old shout.bak shout.1 v2.1"),
            (
                false,
                "shout.py shout v1.2 v2 shout.py.sh c# #x shout.sh 1 .1 bak old.py shout. v2.x",
            ),
        ];
        for (expected, names) in rows {
            for name in names.split(' ') {
                assert_eq!(is_copy(name, beside), expected, "{name}");
            }
        }
    }

    #[test]
    fn libraries_and_interpreters_by_their_names() {
        let libraries = "libx.so libx.so.1 libx.so.1.2.3 LIBX.SO x.cpython-311-x86_64-linux-gnu.so \
                         libx.a x.o";
        for name in libraries.split(' ') {
            assert!(is_library(name), "{name}");
        }
        for name in ["so", "x.so1", "also", "libso.1", "x.so.py", "1", "..."] {
            assert!(!is_library(name), "{name}");
        }
        let interpreters = "python python3 python3.11 Python python3.11-dbg pypy3 node node20 bash \
                            bash-static sh perl perl5.36.0 ruby3.1 php8.2 lua5.4 busybox";
        for name in interpreters.split(' ') {
            assert!(is_interpreter(name), "{name}");
        }
        for name in ["chat", "node-exporter", "shout", "rubyist", "bash.chat", "perl-chat", "7"] {
            assert!(!is_interpreter(name), "{name}");
        }
    }
}
