use super::*;

const NOW: Time = Time::from_micros(5_000_000);

#[test]
fn a_budget_of_a_thousand_is_spent_by_a_thousand_and_not_by_fewer() {
    let waste = Waste::default();
    assert!((1..1000).all(|_| !waste.charge(NOW, 1000)));
    assert!(waste.charge(NOW, 1000));
}

#[test]
fn a_call_that_runs_to_its_end_pays_for_eight_and_nothing_is_saved_up() {
    let waste = Waste::default();
    for _ in 0..10_000 {
        waste.earn();
        assert!((0..8).all(|_| !waste.charge(NOW, 20)));
    }
    assert!((0..11).all(|_| !waste.charge(NOW, 20)));
    assert!(waste.charge(NOW, 20));
}

#[test]
fn a_second_pays_for_ten() {
    let waste = Waste::default();
    for second in 0..1000 {
        let now = Time::from_micros(second * 1_000_000);
        assert!((0..10).all(|_| !waste.charge(now, 15)), "{second}");
    }
}
