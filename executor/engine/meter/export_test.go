package meter

// Cost is what executing an instruction is charged.
var Cost = cost
