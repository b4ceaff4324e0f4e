"""The REST API: operations as data, from which the routes and the OpenAPI document are both made."""
