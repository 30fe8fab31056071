"""What pyproject.toml cannot say: the repository's assets are installed inside the package."""

from setuptools import find_namespace_packages, setup

MODULES = find_namespace_packages(include=["fcpts_core", "fcpts_core.*"])
ASSETS = ["fcpts_core._assets", *(f"fcpts_core._assets.{folder}" for folder in find_namespace_packages("assets"))]

setup(
    packages=MODULES + ASSETS,
    package_dir={"fcpts_core._assets": "assets"},
    package_data={"fcpts_core": ["py.typed"], "fcpts_core.export": ["*.html"], **{folder: ["**"] for folder in ASSETS}},
)
