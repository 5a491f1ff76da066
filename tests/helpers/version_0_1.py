"""What version 0.1 wrote, by hand: these keys and values are for ever."""

from __future__ import annotations

RECIPE = """{
 "size": 256, "style_size": "original", "original_colours": true, "iterations": 30, "seconds": null, "seed": 5,
 "preview_rate": 2.0, "network": "vgg16-hed", "pool": "average", "pool_rescale": true, "padding": "replicate",
 "content_weight": 1.0, "content_layers": {"conv3_2": 0.3}, "content_loss": "relative", "style_weight": 2.5,
 "style_layers": {"conv1_1": 1.0, "conv4_1": 0.5}, "style_loss": "moments", "variation_weight": 0.15,
 "variation_loss": "relative", "canvas": "pyramid", "pyramid_levels": 4, "space": "unit", "init": "mix",
 "init_mix": 0.7, "noise": "uniform", "noise_scale": 0.1, "noise_mean": 0.4, "clip": false, "scales": 2,
 "scale_factor": 2.0, "smallest": 96, "optimizer": "lbfgs", "learning_rate": 0.9, "beta1": 0.8, "beta2": 0.99,
 "epsilon": 1e-07, "decay_steps": 10, "decay_factor": 0.8, "average": 0.5, "lbfgs_history": 12,
 "lbfgs_restart": false, "lbfgs_evaluations": 3, "preset": "default", "numbers": "own",
 "plan": [{"size": 128, "iterations": 10, "evaluations": 29}, {"size": 256, "iterations": 20, "evaluations": null}],
 "journal": [{"evaluation": 7, "key": "style_weight", "value": 4.0}]
}"""

# A training stated the settings of painting, too.
TRAINING = """{
 "size": 384, "style_size": 512, "original_colours": false, "iterations": 200, "seconds": 900.0, "seed": 1,
 "preview_rate": 2.0, "network": "vgg16-hed", "pool": "max", "pool_rescale": false, "padding": "zeros",
 "content_weight": 4.0, "content_layers": {"conv3_3": 1.0}, "content_loss": "relative", "style_weight": 3.0,
 "style_layers": {"conv1_2": 1.0, "conv2_2": 1.0}, "style_loss": "moments", "variation_weight": 2.0,
 "variation_loss": "squared", "canvas": "pixels", "pyramid_levels": 5, "space": "unit", "init": "content",
 "init_mix": 0.5, "noise": "normal", "noise_scale": 0.25, "noise_mean": 0.5, "clip": true, "scales": 1,
 "scale_factor": 2.0, "smallest": 128, "optimizer": "adam", "learning_rate": 0.002, "beta1": 0.9, "beta2": 0.999,
 "epsilon": 1e-08, "decay_steps": 0, "decay_factor": 0.9, "average": 0.0, "lbfgs_history": 10,
 "lbfgs_restart": true, "lbfgs_evaluations": 20, "preset": "fast-default", "numbers": "own", "plan": null,
 "journal": [], "image_size": 128, "batch_size": 2, "epochs": 3, "steps": 40, "width": 16, "blocks": 3,
 "start_from": null, "augment": true, "workers": 1, "checkpoint_steps": 50, "checkpoint_seconds": 60.0
}"""
