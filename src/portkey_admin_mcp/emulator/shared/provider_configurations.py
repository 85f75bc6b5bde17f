"""What the configurations of an integration must hold, by its provider."""

from typing import Literal

from pydantic import Field

from ..core.answers import invalid
from ..core.bodies import Body
from ..core.routing import Call
from ..core.rows import Row

OUTDATED_AZURE_FIELDS = {"api_version", "resource_name", "deployment_name"}


class AzureDeployment(Body):
    """One Azure OpenAI deployment."""

    azure_api_version: str = Field(max_length=30)
    azure_deployment_name: str = Field(min_length=1)
    azure_model_slug: str = Field(min_length=1)
    alias: str | None = None
    is_default: bool | None = None


class AzureAccess(Body):
    """How Portkey signs in to Azure."""

    azure_auth_mode: Literal["default", "entra", "managed"]


class AzureOpenAI(AzureAccess):
    """The configurations of Azure OpenAI."""

    azure_resource_name: str = Field(min_length=1)
    azure_deployment_config: list[AzureDeployment] = Field(min_length=1)


class AzureFoundry(AzureAccess):
    """The configurations of Azure AI Foundry."""

    azure_foundry_url: str = Field(min_length=1)
    azure_api_version: str | None = Field(None, max_length=30)


class Aws(Body):
    """The configurations of Bedrock and SageMaker."""

    aws_auth_type: Literal["accessKey", "assumedRole"]
    aws_region: str = Field(min_length=1)


class VertexAi(Body):
    """The configurations of Vertex AI."""

    vertex_auth_type: Literal["basic", "serviceAccount"]
    vertex_region: str = Field(min_length=1)


class WorkersAi(Body):
    """The configurations of Cloudflare Workers AI."""

    workers_ai_account_id: str = Field(min_length=1)


class Cortex(Body):
    """The configurations of Snowflake Cortex."""

    snowflake_account: str = Field(min_length=1)


CONFIGURATIONS: dict[str, type[Body]] = {
    "azure-openai": AzureOpenAI,
    "azure-ai": AzureFoundry,
    "bedrock": Aws,
    "sagemaker": Aws,
    "vertex-ai": VertexAi,
    "workers-ai": WorkersAi,
    "cortex": Cortex,
}
"""What the OpenAPI file requires of the configurations of a provider."""
NEED_CONFIGURATIONS = {"azure-openai", "azure-ai"}


def check_configurations(provider: str, configurations: Row | None) -> None:
    """Refuse configurations that lack what their provider needs, or that it does not know.

    Azure cannot be used without configurations (Terraform provider 0.2.10), the others can.
    """
    unknown = OUTDATED_AZURE_FIELDS & set(configurations or {})
    if unknown:
        raise invalid(
            "configurations",
            f"{', '.join(sorted(unknown))}: the names of Azure fields begin with azure_",
        )
    shape = CONFIGURATIONS.get(provider)
    if shape is not None and (configurations or provider in NEED_CONFIGURATIONS):
        Call.shaped(shape, configurations or {})
