"""What the gates of a run are called, beyond those of the feed."""

from app.core.errors import mark

MORE = {
    "worst_day": mark("Customers with a value on the worst day, in per cent"),
    "calendar_decided": mark("The calendar of this year has been decided on"),
    "mean_shift": mark("Mean balance, moved since the month before, in per cent"),
    "qualified_band": mark("Share of the qualified, away from the mean of the last months, in points"),
    "population_drift": mark("Number of customers, moved since the month before, in per cent"),
    "phones": mark("Customers with a number that takes SMS, in per cent"),
}
