"""The verbs of one run: plan, fit, run, outcome; several of them: suite; predictions made elsewhere: score."""
