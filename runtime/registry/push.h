// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <vector>

#include "base/result.h"
#include "runtime/image/image_store.h"
#include "runtime/image/reference.h"
#include "runtime/registry/credentials.h"
#include "runtime/registry/progress.h"
#include "runtime/registry/registry_settings.h"

// Images of the store to a registry (OCI distribution specification 1.1).
namespace ballast::registry {

struct PushRequest {
    image::Reference reference = {}; // without tag: all tags that the store has of this repository
    Credentials credentials = {};
    std::stop_token stop = {};
};

struct Pushed {
    image::Reference name;
    image::Digest digest;
    std::uint64_t size = 0; // of the manifest
};

// Sends what the registry does not have: layers as they were pulled, mounted from another of its repositories where the
// store knows that they came from there. The image keeps its manifest and digest. Errors as in pull.h; ENOENT when the
// store has no such image: "An image does not exist locally with the tag: …".
Result<std::vector<Pushed>> push(image::ImageStore &store, const RegistrySettings &settings, const PushRequest &request,
                                 const ProgressOutput &output);

} // namespace ballast::registry
