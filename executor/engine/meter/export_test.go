package meter

// Cost exports cost.
var Cost = cost
