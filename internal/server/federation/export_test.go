package federation

import "context"

// ReadAnswer, GroupsIn and Mapped are what fuzz targets reach.
var (
	ReadAnswer = readAnswer
	GroupsIn   = groupsIn
	Mapped     = mapped
	Legible    = legible
	Secure     = secure
	Loopback   = loopback
)

// Believe takes an ID token as if the provider had given it for that flow.
func Believe(ctx context.Context, p *Provider, raw string, f Flow) (Identity, error) {
	d, err := p.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	return p.believe(ctx, d, raw, "", f)
}

// Parts of an answer.
func (a answer) Parts() (flow, state, code, failed string) { return a.flow, a.state, a.code, a.failed }
