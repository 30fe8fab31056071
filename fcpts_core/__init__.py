"""Post-training sparsity: a pretrained vision model in, one with exactly the wished-for share of zero weights out."""

import os

# Torch's threads wait for each other by spinning. Next to a busy page, or a second run, that makes a step ten times
# slower than it need be; asleep they cost next to nothing. The runtime reads this once, when torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
