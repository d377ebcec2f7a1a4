// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/router.h"

// What clients may ask for and this engine does not have: each with a sentence that says what to use.
namespace ballast::api {
namespace {

Status swarm(Call &call) {
    return call.refuse(503, "This node is not a swarm manager. This engine has no swarm mode; use a Kubernetes cluster "
                            "for services.");
}

Status build(Call &call) {
    return call.refuse(501, "this engine does not build images; build with buildah or BuildKit, then use 'docker load' "
                            "or a registry");
}

Status build_prune(Call &call) { return call.answer(200, {{"CachesDeleted", nullptr}, {"SpaceReclaimed", 0}}); }

Status plugins(Call &call) { return call.answer(200, Json::array()); }

// Not found rather than refused: `docker inspect NAME` looks here as well.
Status no_plugin(Call &call) { return fail(ENOENT, "plugin \"" + call.name() + "\" not found"); }

Status no_plugins(Call &call) {
    return call.refuse(501, "this engine has no plugins; its volume, log and network drivers are built in");
}

Status checkpoints(Call &call) {
    return call.refuse(501, "this engine does not checkpoint containers; stop them, or commit them to an image");
}

Status websocket(Call &call) {
    return call.refuse(501, "this engine does not attach by WebSocket; use POST /containers/{id}/attach");
}

Status session(Call &call) {
    return call.refuse(501, "this engine has no sessions of BuildKit; build with buildah or a BuildKit daemon");
}

constexpr Route kRoutes[] = {
    {"POST", "/build", build},
    {"POST", "/build/prune", build_prune},
    {"POST", "/build/cancel", build},
    {"POST", "/session", session},
    {"POST", "/grpc", session},
    {"GET", "/containers/{id}/attach/ws", websocket},
    {"GET", "/containers/{id}/checkpoints", checkpoints},
    {"POST", "/containers/{id}/checkpoints", checkpoints},
    {"DELETE", "/containers/{id*}", checkpoints},
    {"GET", "/plugins", plugins},
    {"GET", "/plugins/{name*}/json", no_plugin},
    {"*", "/plugins/{rest*}", no_plugins},
    {"*", "/swarm", swarm},
    {"*", "/swarm/{rest*}", swarm},
    {"*", "/nodes", swarm},
    {"*", "/nodes/{rest*}", swarm},
    {"*", "/services", swarm},
    {"*", "/services/{rest*}", swarm},
    {"*", "/tasks", swarm},
    {"*", "/tasks/{rest*}", swarm},
    {"*", "/secrets", swarm},
    {"*", "/secrets/{rest*}", swarm},
    {"*", "/configs", swarm},
    {"*", "/configs/{rest*}", swarm},
};

} // namespace

std::span<const Route> refused_routes() { return kRoutes; }

} // namespace ballast::api
