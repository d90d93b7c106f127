"""The public tools that the policy answers to, run over real builds."""
