"""Training on several machines: a TFJob of Kubeflow's training operator, started by the Trainer stage."""
