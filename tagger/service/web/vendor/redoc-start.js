// ReDoc over the service's own document.
Redoc.init(
  "/api/v1/openapi.json",
  { nativeScrollbars: true, hideLoading: true, disableSearch: false },
  document.getElementById("redoc"),
);
