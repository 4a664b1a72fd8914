// A test that finds something else has failed.
#![allow(clippy::panic)]

use super::*;

struct Tree;

impl Schema for Tree {
    fn shape(types: &mut Types) -> Shape {
        types.define::<Self>("Tree", |types| {
            let children = Field::new("children", Shape::seq(Self::shape(types)));
            Form::Struct(Fields::Named(vec![children]))
        })
    }
}

mod other {
    pub(super) struct Tree;
}

impl Schema for other::Tree {
    fn shape(types: &mut Types) -> Shape {
        types.define::<Self>("Tree", |_| Form::Struct(Fields::Unit))
    }
}

#[test]
fn a_recursive_type_is_in_the_table_once_and_names_itself() {
    // Clause 15.3.
    let mut types = Types::default();
    assert_eq!(Tree::shape(&mut types), Shape::Type("Tree".into()));
    assert_eq!(<Vec<Tree>>::shape(&mut types), Shape::seq(Shape::Type("Tree".into())));
    let table = types.finish();
    assert_eq!(table.len(), 1);
    let Form::Struct(Fields::Named(fields)) = &table[0].form else { panic!("{table:?}") };
    assert_eq!(fields[0].shape, Shape::seq(Shape::Type("Tree".into())));
}

#[test]
fn two_types_of_one_name_are_told_apart() {
    let mut types = Types::default();
    assert_eq!(Tree::shape(&mut types), Shape::Type("Tree".into()));
    assert_eq!(other::Tree::shape(&mut types), Shape::Type("Tree_2".into()));
    assert_eq!(other::Tree::shape(&mut types), Shape::Type("Tree_2".into()));
    assert_eq!(types.finish().iter().map(|def| &*def.name).collect::<Vec<_>>(), ["Tree", "Tree_2"]);
}

#[test]
fn shapes_print_as_they_would_be_written() {
    let mut types = Types::default();
    let mut text = |shape: fn(&mut Types) -> Shape| shape(&mut types).to_string();
    assert_eq!(text(<Option<Vec<(u8, String)>>>::shape), "Option<Vec<(u8, String)>>");
    assert_eq!(text(<std::collections::BTreeMap<String, [i128; 4]>>::shape), "Map<String, [i128; 4]>");
    assert_eq!(text(<(Tree,)>::shape), "(Tree,)");
    assert_eq!(text(<Result<u64, bytes::Bytes>>::shape), "Result<u64, bytes>");
}

#[test]
fn what_is_text_for_people_is_something_else_for_programs() {
    let mut types = Types::default();
    core::net::IpAddr::shape(&mut types);
    let names: Vec<_> = types.finish().into_iter().map(|def| def.name).collect();
    assert_eq!(names, ["IpAddrOctets", "IpAddr"]);
}
