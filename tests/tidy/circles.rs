//! No circle of files: if one file imports from another, directly or over more of them, nothing
//! of the first is imported there. So each file can be read after those that it imports.
//!
//! What counts, in the sources of `src` without their tests:
//!
//! - A path that leads to an item (`crate::hub::Pool`, `super::names`, `deflate::Deflate`), in a
//!   `use` or in code, is an edge to the file that defines the item: names that a `mod.rs` only
//!   passes on lead further. A path that ends at a module is an edge to the file of the module.
//! - `mod x;` is no edge, nor is a path through `tests`, nor an import for links in comments,
//!   with `#[cfg(doc)]`, nor a `pub use` whose name the file does not need itself.
//! - The main type of a `mod.rs` is the first that it defines. Files below it may import it, since
//!   they implement parts of it, as `src/hub/*.rs` do for `Hub`. Anything else that they import
//!   from their `mod.rs` counts, and so does what the `mod.rs` imports from them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::modules::module_of;
use crate::paths::paths;
use crate::source::{BINARY, sources};
use crate::tokens::{code, without};

/// The files by path, each with the files that it imports and one name of each import.
type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, String>>;

#[test]
fn no_file_imports_what_imports_it() {
    let sources = sources();
    let files = sources.iter().filter(|s| s.path.starts_with("src/") && !s.is_test());
    let (binary, library): (Vec<_>, Vec<_>) =
        files.map(|s| (&*s.path, &*s.text)).partition(|(path, _)| path.starts_with(BINARY));
    assert!(binary.len() + library.len() > 150, "the sources are found");
    // Each is a crate of its own.
    let graph: Graph<'_> = [binary, library].iter().flat_map(|files| graph(files)).collect();
    let edges_len: usize = graph.values().map(BTreeMap::len).sum();
    assert!(edges_len > 500, "the imports are found: {edges_len}");
    let circles = circles(&graph);
    assert!(circles.is_empty(), "{} circles:\n{}", circles.len(), circles.join("\n"));
}

#[test]
fn circles_are_seen_through_braces_aliases_and_re_exports() {
    let found = |files: &[(&'static str, &str)]| circles(&graph(files));
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
        circles(&graph(&[("src/hub/mod.rs", top), ("src/hub/peers.rs", below)]))
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
fn circles(graph: &Graph<'_>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for &start in graph.keys() {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut next = VecDeque::from([start]);
        while let Some(file) = next.pop_front()
            && !before.contains_key(start)
        {
            for &to in graph[file].keys() {
                if !before.contains_key(to) {
                    before.insert(to, file);
                    next.push_back(to);
                }
            }
        }
        let Some(&(mut file)) = before.get(start) else { continue };
        let mut circle = vec![start];
        while file != start {
            circle.push(file);
            file = before[file];
        }
        circle.reverse();
        let first = (0..circle.len()).min_by_key(|&at| circle[at]).expect("it has a file");
        circle.rotate_left(first);
        let mut text = circle[0].to_owned();
        for (at, file) in circle.iter().enumerate() {
            let to = circle[(at + 1) % circle.len()];
            text += &format!(" -> {to} ({})", graph[file][to]);
        }
        found.insert(text);
    }
    found.into_iter().collect()
}

/// Which file of a crate imports which.
fn graph<'a>(files: &[(&'a str, &str)]) -> Graph<'a> {
    let modules: BTreeMap<_, _> =
        files.iter().map(|(path, text)| (module_of(path), Module::new(path, text))).collect();
    let mut graph = Graph::new();
    for (name, own) in &modules {
        let edges = graph.entry(own.path).or_default();
        for path in &own.paths {
            let Some((target, item)) = resolve(&modules, name, path, 0) else { continue };
            let is_lent =
                target.main.as_ref() == Some(item) && name.starts_with(&module_of(target.path));
            if target.path != own.path && !is_lent {
                edges.entry(target.path).or_insert_with(|| item.clone());
            }
        }
    }
    graph
}

/// What a file imports.
struct Module<'a> {
    path: &'a str,
    /// Of a `mod.rs`: the first type that it defines.
    main: Option<String>,
    /// The names that a `use` gives to something, with the path to it.
    names: BTreeMap<String, Vec<String>>,
    /// The paths that it needs.
    paths: Vec<Vec<String>>,
}

impl<'a> Module<'a> {
    fn new(path: &'a str, text: &str) -> Self {
        let tokens = without(&code(text), "doc");
        let types = tokens.windows(2).filter(|t| ["struct", "enum", "trait"].contains(&t[0].text));
        let main = types.map(|pair| pair[1].text.to_owned()).next();
        let main = main.filter(|_| path.ends_with("/mod.rs"));
        let mut is_use = false;
        let outside_use = tokens.windows(2).filter(|pair| {
            is_use &= pair[0].text != ";";
            is_use |= pair[0].text == "use" && pair[1].text != "<";
            !is_use
        });
        let needed: BTreeSet<_> = outside_use.map(|pair| pair[0].text).collect();
        let mut own = Self { path, main, names: BTreeMap::new(), paths: Vec::new() };
        for found in paths(&tokens, &module_of(path)) {
            let is_needed = match &found.name {
                Some(name) => !found.is_public || needed.contains(&**name),
                None => found.segments.len() > 1,
            };
            if is_needed && !found.segments.iter().any(|segment| segment == "tests") {
                own.paths.push(found.segments.clone());
            }
            own.names.extend(found.name.map(|name| (name, found.segments)));
        }
        own
    }
}

/// The file that a path leads to, and the item, or nothing if that is in another package.
fn resolve<'m, 'a>(
    modules: &'m BTreeMap<Vec<String>, Module<'a>>,
    from: &[String],
    path: &'m [String],
    depth: usize,
) -> Option<(&'m Module<'a>, &'m String)> {
    assert!(depth < 10, "{}: {} names itself", from.join("::"), path.join("::"));
    // A path of code may begin with a name of a `use`; that one has its own edge.
    let from = if path.first()? == "crate" { &[] } else { from };
    let whole = [from, path].concat();
    let is_module = |len: &usize| modules.contains_key(&whole[..*len]);
    let len = (from.len() + 1..=whole.len()).rev().find(is_module)?;
    let module = &modules[&whole[..len]];
    let Some(item) = path.get(len - from.len()) else { return Some((module, path.last()?)) };
    let further = module.names.get(item);
    let further = further.and_then(|path| resolve(modules, &whole[..len], path, depth + 1));
    further.or(Some((module, item)))
}
