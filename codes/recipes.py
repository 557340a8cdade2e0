"""How a network is taught: augmentation, optimizer and schedule under one name, chosen by --recipe."""
from collections import namedtuple

# mirror_share: part of the pictures that is mirrored; crop_area: smallest and largest share of the picture;
# crop_ratio: smallest and largest width over height; brightness, contrast, saturation: largest relative change;
# pca_noise: standard deviation of the change along the eigenvectors
Augmentation = namedtuple('Augmentation', 'mirror_share crop_area crop_ratio brightness contrast saturation pca_noise')
# momentum: of Nesterov's accelerated gradient; weight_decay: L2; clip_gradient: largest element of a gradient
Recipe = namedtuple('Recipe', 'augmentation momentum weight_decay clip_gradient')

TUTORIAL = Recipe(
    augmentation=Augmentation(mirror_share=0.0, crop_area=(0.08, 1.0), crop_ratio=(3.0 / 4.0, 4.0 / 3.0),
                              brightness=0.4, contrast=0.4, saturation=0.4, pca_noise=0.1),
    momentum=0.9, weight_decay=1e-4, clip_gradient=5.0)
# for few pictures and few epochs, when the network has no time to learn from small crops
GENTLE = TUTORIAL._replace(
    augmentation=Augmentation(mirror_share=0.5, crop_area=(0.6, 1.0), crop_ratio=(4.0 / 5.0, 5.0 / 4.0),
                              brightness=0.2, contrast=0.2, saturation=0.2, pca_noise=0.0))
RECIPES = {'tutorial': TUTORIAL, 'gentle': GENTLE}
