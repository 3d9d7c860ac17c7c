package daemon

import "holdfast/service/engine"

// senses are what the operator looks around with.
func (d *Daemon) senses() engine.Senses { return engine.Senses{Resolve: d.network.Find} }
