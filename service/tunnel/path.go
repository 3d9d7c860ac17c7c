package tunnel

import "time"

// Path is what the taps have learned about the way to the server and back, and
// about what lies behind it. Moments are monotonic; a zero one says never.
type Path struct {
	// RoundTripAt is when something last came that proves a round trip: a
	// completed handshake, the answer to an ask or an echo, the reply to an
	// application's request, a TCP acknowledgement of data that was waiting for it.
	RoundTripAt time.Time
	// RTT is the smoothed round trip, RTTVar how far it strays from that. 0: not
	// measured.
	RTT, RTTVar time.Duration
	// Loss is the share of round trips that were lost lately, 0 to 1, taken from
	// the last LossOf of them.
	Loss   float64
	LossOf int

	// Askable says that the config names an endpoint to ask.
	Askable bool
	// Asked counts handshake questions beside the session and their answers.
	Asked Questions
	// Near counts echoes to the address that is likely the server's own, Beyond
	// those to responders that lie behind it. A responder is one that has
	// answered before: silence of any other address says nothing.
	Near, Beyond Responders

	// Cookies counts replies that the server is under load, BadResponses those to
	// asks that do not authenticate with our preshared key.
	Cookies, BadResponses uint64
	// PeerInitiations counts handshakes that the server began.
	PeerInitiations uint64
	// Refused counts datagrams that the system refused to send for reasons of
	// policy: a firewall.
	Refused uint64

	// WaitingSince is when the oldest packet of an application left that wants an
	// answer (an echo request, a DNS query, TCP with data or SYN) and after which
	// no packet of an application has come. Zero: none waits.
	WaitingSince time.Time
	// WaitingFlows is how many flows began since then.
	WaitingFlows int
	// LargeLost counts large TCP segments that were sent again while smaller ones
	// arrived.
	LargeLost uint64
}

// Questions counts questions and answers of one kind.
type Questions struct {
	Sent, Answered uint64
	// AnsweredAt is when the last answer came.
	AnsweredAt time.Time
}

// Responders counts echoes to learned addresses. A round of echoes to several
// of them is one question, answered when any of them answers.
type Responders struct {
	// Known is how many there are.
	Known int
	Questions
}
