// The reference reads the document from this server, and nothing from anywhere else.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  filter: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayOperationId: false,
  persistAuthorization: false,
  validatorUrl: null,
});
