export { defineConfig, type HotwellConfig } from './config/config-schema.ts'
export { createServer, type HotwellServer, type ServerOptions } from './create-server.ts'
export { generateKey, hashKey } from './keys/api-key.ts'
export { type ApiKeyAction, apiKeyActions } from './keys/key-scope.ts'
