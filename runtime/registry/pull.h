// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/image/image_store.h"
#include "runtime/image/platform.h"
#include "runtime/image/reference.h"
#include "runtime/registry/credentials.h"
#include "runtime/registry/progress.h"
#include "runtime/registry/registry_settings.h"

// Images from registries (OCI distribution specification 1.1) into the store.
namespace ballast::registry {

struct PullRequest {
    image::Reference reference = {}; // with a tag or a digest, unless `all_tags`
    bool all_tags = false;           // docker pull -a
    image::Platform platform = image::Platform::own();
    Credentials credentials = {}; // of the reference's domain; no mirror and no other host sees them
    std::stop_token stop = {};    // the client hung up
};

struct Pulled {
    image::Reference name; // with tag or digest
    image::Digest id;
    image::Digest digest; // of the manifest or index that the name stood for
    bool is_new = false;  // false: "Image is up to date"
};

// Tells progress in the docker client's words. Layers are fetched several at once and unpacked meanwhile. With an error
// nothing has changed but the store's cache: a second attempt goes on where this one ended. Errors, message as
// docker's:
//   ENOENT   no such repository, tag or platform, or access to it denied ("pull access denied for …")
//   EACCES   wrong or missing credentials
//   ECANCELED  `stop`
//   EBADMSG  the registry sent something else than it promised
//   ENOSPC, EFBIG, ENOTSUP and EINVAL of the image itself; ETIMEDOUT, ECONNREFUSED, … of http::Client; EIO for the
//   rest.
Result<std::vector<Pulled>> pull(image::ImageStore &store, const RegistrySettings &settings, const PullRequest &request,
                                 const ProgressOutput &output);

// What a name stands for, without pulling it: `docker inspect` of the distribution API.
struct Remote {
    image::Descriptor descriptor;
    std::vector<image::Platform> platforms;
};
Result<Remote> inspect_remote(const RegistrySettings &settings, const image::Reference &reference,
                              const Credentials &credentials, std::stop_token stop = {});

} // namespace ballast::registry
