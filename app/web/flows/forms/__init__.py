"""The forms of steps, of triggers, of the rules of the whole."""

from app.web.flows.forms.base import Offers, StepForm
from app.web.flows.forms.steps import FORMS
from app.web.flows.forms.triggers import TRIGGER_FORMS, RulesForm

__all__ = ["FORMS", "TRIGGER_FORMS", "Offers", "RulesForm", "StepForm"]
