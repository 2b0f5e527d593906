"""Log-in with another provider: OpenID Connect, the authorization code flow with PKCE. Why so: decision 26."""
