use std::collections::HashSet;

use super::*;

#[test]
fn twenty_thousand_ids_are_all_different_and_have_their_length() {
    let mut ids = Ids::new();
    let made: HashSet<_> = (0..20_000).map(|_| ids.generate_cid()).collect();
    assert_eq!(made.len(), 20_000);
    assert!(made.iter().all(|id| id.len() == ids.cid_len()));
}

#[test]
fn an_endpoint_knows_its_own_ids_and_hardly_any_other() {
    let (mut ids, mut others) = (Ids::new(), Ids::new());
    for _ in 0..1000 {
        let short = ids.random.generate_cid();
        assert!(ids.validate(&short).is_err());
        let own = ids.generate_cid();
        assert!(ids.validate(&own).is_ok());
    }
    let known = (0..10_000).filter(|_| ids.validate(&others.generate_cid()).is_ok()).count();
    assert!(known <= 5, "{known}");
}
