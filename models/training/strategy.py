"""Which devices train together, by what is there.

One device: TensorFlow's default strategy. Several GPUs: ``MirroredStrategy``, a copy of the
model on each and an all-reduce (NCCL) of the gradients. A cluster in ``TF_CONFIG``, as
Kubeflow's training operator sets it: ``MultiWorkerMirroredStrategy``. The batch in the
configuration is the whole batch of a step, everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from models.errors import DevicesError
from models.training.tf_config import num_workers


def choose(environment: Mapping[str, str]) -> tf.distribute.Strategy:
    """The strategy for this process.

    With several workers it must be called before TensorFlow has run its first op.

    Raises:
      DevicesError: ``TF_CONFIG`` is not what TensorFlow documents, or came too late.
    """
    if num_workers(environment) > 1:
        options = tf.distribute.experimental.CommunicationOptions(
            implementation=tf.distribute.experimental.CommunicationImplementation.AUTO
        )
        try:
            return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
        except RuntimeError as error:
            raise DevicesError(
                "TF_CONFIG names several workers, but TensorFlow already ran in this process: "
                "start the training in a process of its own"
            ) from error
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes checkpoints, logs and the model: one of a run's does."""
    resolver = strategy.cluster_resolver
    if strategy.num_replicas_in_sync == 1 or resolver is None or not resolver.task_type:
        return True
    cluster = resolver.cluster_spec().as_dict()
    return resolver.task_type == "chief" or (
        resolver.task_type == "worker" and resolver.task_id == 0 and "chief" not in cluster
    )
