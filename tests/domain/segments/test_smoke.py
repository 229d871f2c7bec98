from app.domain.segments import membership, library, explain
from app.domain.segments.check import check
from app.domain.segments.library import SegmentInput
from tests.factories import people
from app.core.actor import system
def test_it(session, organisation):
    by=system(organisation.id)
    people.contacts(session, 20, city="Haifa")
    s=library.create(session, SegmentInput(name="a", definition={"where":{"all":[{"kind":"field","field":"city","op":"contains","value":"hai"},{"kind":"field","field":"email","op":"eq","value":"client3@mail.example"}]}}), by=by)
    assert s.size==1
    print(s.definition)
    d=check(session, {"zone":"contact","where":{"not":{"any":[{"kind":"message","did":"opened","times":{"op":"lt","value":3}},{"kind":"message","did":"bounced"},{"kind":"message","did":"opened","who":"any","within":{"last":3}},{"kind":"bucket","salt":"x","from":0,"to":4999},{"kind":"segment","segment":str(s.id)},{"kind":"consent","channel":"sms"},{"kind":"field","field":"tags","op":"has_none","value":["q"]},{"kind":"field","field":"created_at","op":"in_last","value":3}]}}})
    n=membership.numbers(session,d); print(n)
    print(membership.sample(session,d))
    e=explain.judge(session,d,explain.find(session,"3",by=by)); print(e)
    assert membership.recount_all(session)==1
    print(session.execute(membership.audience(session,[s.id],[])).all())
