"""Does a model keep the promises the protocol builds on? `suite.check_model`, `suite.check_plugin`."""
