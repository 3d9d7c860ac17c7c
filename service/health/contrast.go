package health

import "time"

// Contrast takes the news that another member reached a responder that this one
// does not.
func (m *Monitor) Contrast(time.Time) {}
