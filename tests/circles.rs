//! No circle of files: if one file imports from another, directly or over more of them, nothing
//! of the first is imported there. So each file can be read after those that it imports.
//!
//! What counts, in the sources of `src` without their tests:
//!
//! - A path that leads to an item (`crate::hub::Pool`, `super::names`, `deflate::Deflate`), in a
//!   `use` or in code, is an edge to the file that defines the item: names that a `mod.rs` only
//!   passes on lead further. A path that ends at a module is an edge to the file of the module.
//! - `mod x;` is no edge, nor is a path through `tests`, nor an import for links in comments,
//!   with `#[cfg(doc)]` and in one line, nor a `pub use` whose name the file does not need itself.
//! - The main type of a `mod.rs` is the first that it defines. Files below it may import it, since
//!   they implement parts of it, as `src/hub/*.rs` do for `Hub`. Anything else that they import
//!   from their `mod.rs` counts, and so does what the `mod.rs` imports from them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

/// The files by path, each with the files that it imports and one name of each import.
type Graph = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn no_file_imports_what_imports_it() {
    let mut files = BTreeMap::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), "src", &mut files);
    assert!(files.len() > 150, "the sources are found");
    let graph = graph(&files);
    let edges_len: usize = graph.values().map(BTreeMap::len).sum();
    assert!(edges_len > 500, "the imports are found: {edges_len}");
    let circles = circles(&graph);
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), circles.join("\n"));
}

#[test]
fn circles_are_seen_through_braces_aliases_and_re_exports() {
    let found = |files: &[(&str, &str)]| {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        circles(&graph(&files.iter().map(owned).collect()))
    };
    let root = ("src/a/mod.rs", "mod b;\nmod c;\nmod d;\npub use b::B;\npub use c::{C, Deep};\n");
    let b =
        ("src/a/b.rs", "use std::{fs, io};\nuse crate::{\n    a::{C, d::D},\n};\npub struct B;");
    let c = ("src/a/c.rs", "pub use super::d::deep as Deep;\npub struct C;");
    assert_eq!(found(&[root, b, c, ("src/a/d.rs", "pub struct D;")]), [""; 0]);
    // Directly, by `super` in code, and by the name that the module passes on.
    let circle = "src/a/b.rs -> src/a/d.rs (D) -> src/a/b.rs (B)";
    for text in ["use super::b::B;", "fn d() -> super::B {}", "use crate::a::{B as Other};"] {
        assert_eq!(found(&[root, b, c, ("src/a/d.rs", text)]), [circle], "{text}");
    }
    // Over another file, through two re-exports.
    let deep = ("src/a/b.rs", "use crate::a::Deep;");
    let far = ["src/a/b.rs -> src/a/d.rs (deep) -> src/a/b.rs (B)"];
    assert_eq!(found(&[root, deep, c, ("src/a/d.rs", "use super::b::B;\nfn deep() {}")]), far);
    // Neither comments nor their links nor tests count.
    for text in [
        "// use super::b::B;",
        "/// super::b::B",
        "#[cfg(doc)]\nuse super::b::B;",
        "fn d() { super::b::tests::count() }",
        "#[cfg(test)]\nmod tests {\nsuper::b::B",
    ] {
        assert_eq!(found(&[root, b, c, ("src/a/d.rs", text)]), [""; 0], "{text}");
    }
}

#[test]
fn a_module_lends_its_main_type_alone_to_the_files_below() {
    let found = |top: &str, below: &str| {
        let files = [("src/hub/mod.rs", top), ("src/hub/peers.rs", below)];
        circles(&graph(&files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()))
    };
    let main = "mod peers;\npub struct Hub(peers::Peers);\npub enum Files {}";
    assert_eq!(found(main, "use crate::hub::Hub;"), [""; 0]);
    let circle = ["src/hub/mod.rs -> src/hub/peers.rs (Peers) -> src/hub/mod.rs (Files)"];
    assert_eq!(found(main, "use super::{Files, Hub};"), circle);
    // Without an import of its own the module passes names on.
    let pure = "mod peers;\npub use peers::Peers;\npub struct Hub;\npub enum Files {}";
    assert_eq!(found(pure, "use super::{Files, Hub};"), [""; 0]);
    let user = "mod peers;\npub use peers::Peers;\npub struct Hub(Peers);\npub enum Files {}";
    assert_eq!(found(user, "use super::{Files, Hub};"), circle);
}

/// The circles, each once: the shortest one of each file that is in any.
fn circles(graph: &Graph) -> Vec<String> {
    let mut found = BTreeSet::new();
    for start in graph.keys() {
        let mut before: BTreeMap<&String, &String> = BTreeMap::new();
        let mut next = VecDeque::from([start]);
        while let Some(file) = next.pop_front()
            && !before.contains_key(start)
        {
            for to in graph[file].keys() {
                if !before.contains_key(to) {
                    before.insert(to, file);
                    next.push_back(to);
                }
            }
        }
        let Some(mut file) = before.get(start) else { continue };
        let mut circle = vec![start];
        while *file != start {
            circle.push(file);
            file = &before[file];
        }
        circle.reverse();
        let first = (0..circle.len()).min_by_key(|&at| circle[at]).expect("it has a file");
        circle.rotate_left(first);
        let mut text = circle[0].clone();
        for (at, file) in circle.iter().enumerate() {
            let to = circle[(at + 1) % circle.len()];
            text += &format!(" -> {to} ({})", graph[*file][to]);
        }
        found.insert(text);
    }
    found.into_iter().collect()
}

/// Which file imports which.
fn graph(files: &BTreeMap<String, String>) -> Graph {
    let modules: BTreeMap<_, _> =
        files.iter().map(|(path, text)| (module(path), Module::new(path, text))).collect();
    let mut graph = Graph::new();
    for (name, own) in &modules {
        let edges = graph.entry(own.path.clone()).or_default();
        for path in &own.paths {
            if path.iter().any(|segment| segment == "tests") {
                continue;
            }
            let Some((target, item)) = resolve(&modules, name, path, 0) else { continue };
            let is_lent =
                item == target.main && name.starts_with(&format!("{}/", module(&target.path)));
            if target.path != own.path && !is_lent {
                edges.entry(target.path.clone()).or_insert(item);
            }
        }
    }
    graph
}

/// The module of a file: its path without the end, or its folder. Beside a `lib.rs`, a `main.rs` is
/// no root.
fn module(path: &str) -> String {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let root = if stem.starts_with("src/bin/") { "/main" } else { "/lib" };
    let folder = stem.strip_suffix("/mod").or_else(|| stem.strip_suffix(root));
    folder.unwrap_or(stem).to_owned()
}

/// What a file imports.
struct Module {
    path: String,
    /// Of a `mod.rs`: the first type that it defines.
    main: String,
    /// The names that a `use` gives to something, with the path to it.
    names: BTreeMap<String, Vec<String>>,
    /// The paths that it needs.
    paths: Vec<Vec<String>>,
}

impl Module {
    fn new(path: &str, text: &str) -> Self {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let code: Vec<_> =
            text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
        let (uses, rest) = split_uses(&outside_in(&code));
        let words: Vec<_> = rest.split(|c: char| !is_of_a_path(c)).map(segments).collect();
        let names = |words: &[Vec<String>], name: &str| words.iter().flatten().any(|w| w == name);
        let mut own = Self {
            path: path.to_owned(),
            main: String::new(),
            names: BTreeMap::new(),
            paths: words.iter().filter(|path| path.len() > 1).cloned().collect(),
        };
        if path.ends_with("/mod.rs") {
            let kinds = ["struct", "enum", "trait"];
            let at = words.iter().position(|word| kinds.contains(&word.concat().as_str()));
            own.main =
                at.and_then(|at| words.get(at + 1)).map(|word| word.concat()).unwrap_or_default();
        }
        for statement in uses {
            let is_passed_on = statement.starts_with("pub");
            let tree = statement.split_once("use ").map_or("", |(_, tree)| tree);
            for (name, path) in leaves(tree) {
                if !is_passed_on || names(&words, &name) {
                    own.paths.push(path.clone());
                }
                own.names.insert(name, path);
            }
        }
        own
    }
}

/// The code, in which `super` within a module of the file is the file.
fn outside_in(code: &[&str]) -> Vec<String> {
    let mut end: Option<String> = None;
    let mut lines = Vec::new();
    for line in code.iter().map(|line| line.trim_end()) {
        let words = line.trim_start();
        let is_module =
            words.starts_with("mod ") || words.starts_with("pub") && words.contains(" mod ");
        if is_module && words.ends_with('{') {
            end = Some(format!("{}}}", &line[..line.len() - words.len()]));
        } else if end.as_deref() == Some(line) {
            end = None;
        }
        lines.push(if end.is_some() { line.replace("super::", "self::") } else { line.to_owned() });
    }
    lines
}

/// The `use` statements, each in one line, and all other code.
fn split_uses(code: &[String]) -> (Vec<String>, String) {
    let (mut uses, mut rest) = (Vec::new(), String::new());
    let mut is_open = false;
    let mut before = "";
    for line in code.iter().map(|line| line.trim()) {
        // Links in comments import nothing.
        if std::mem::replace(&mut before, line) == "#[cfg(doc)]" {
            continue;
        }
        let begins = line.starts_with("use ") || line.starts_with("pub") && line.contains(" use ");
        if begins {
            uses.push(String::new());
        }
        is_open |= begins;
        let into = if is_open { uses.last_mut().expect("one has begun") } else { &mut rest };
        *into += &format!("{line} ");
        is_open &= !line.ends_with(';');
    }
    (uses, rest)
}

/// The names of a tree such as `a::{X, b::{self, Y as Z}};`, each with its path.
fn leaves(tree: &str) -> Vec<(String, Vec<String>)> {
    let tree = tree.trim().trim_end_matches(';').trim();
    let Some((stem, inner)) = tree.split_once('{') else {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut path = segments(path.trim());
        path.retain(|segment| segment != "*");
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name =
            if name.is_empty() { path.last().cloned() } else { Some(name.trim().to_owned()) };
        return name.map(|name| (name, path)).into_iter().collect();
    };
    let inner = inner.strip_suffix('}').unwrap_or(inner);
    let mut depth = 0;
    let parts = inner.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let parts = parts.filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| leaves(&format!("{stem}{}", part.trim()))).collect()
}

/// The file that a path leads to, and the item, or nothing if that is in another package.
fn resolve<'a>(
    modules: &'a BTreeMap<String, Module>,
    from: &str,
    path: &[String],
    depth: usize,
) -> Option<(&'a Module, String)> {
    assert!(depth < 10, "{from}: {} names itself", path.join("::"));
    let mut at = from.to_owned();
    let mut is_inside = false;
    for (index, segment) in path.iter().enumerate() {
        let below = format!("{at}/{segment}");
        match segment.as_str() {
            "self" => {}
            "crate" => at = root_of(from),
            "super" => at.truncate(at.rfind('/')?),
            _ if modules.contains_key(&below) => at = below,
            name => {
                // A path of code may begin with a name of a `use`; that one has its own edge.
                let names = modules.get(&at).filter(|_| is_inside)?;
                return match names.names.get(name) {
                    Some(further) => resolve(modules, &at, further, depth + 1)
                        .or_else(|| Some((names, name.to_owned()))),
                    None => Some((names, path[index].clone())),
                };
            }
        }
        is_inside = true;
    }
    Some((modules.get(&at)?, path.last()?.clone()))
}

/// The root of the package that a module is in: the library, or a program of several files.
fn root_of(module: &str) -> String {
    let is_program = module.starts_with("src/bin/");
    module.split('/').take(if is_program { 3 } else { 1 }).collect::<Vec<_>>().join("/")
}

fn segments(path: &str) -> Vec<String> {
    path.split("::").filter(|segment| !segment.is_empty()).map(str::to_owned).collect()
}

fn is_of_a_path(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

fn collect(root: &Path, folder: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root.join(folder)).expect("each module is a folder") {
        let name = entry.expect("a folder can be read").file_name();
        let path = format!("{folder}/{}", name.to_string_lossy());
        let is_test = path.ends_with("/tests") || path.ends_with("/tests.rs");
        if root.join(&path).is_dir() && !is_test {
            collect(root, &path, files);
        } else if path.ends_with(".rs") && !is_test {
            let text = fs::read_to_string(root.join(&path)).expect("a source is UTF-8");
            files.insert(path, text);
        }
    }
}
