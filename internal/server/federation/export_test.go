package federation

// ReadAnswer, GroupsIn and Mapped are what fuzz targets reach.
var (
	ReadAnswer = readAnswer
	GroupsIn   = groupsIn
	Mapped     = mapped
	Legible    = legible
)

// Parts of an answer.
func (a answer) Parts() (flow, state, code, failed string) { return a.flow, a.state, a.code, a.failed }
