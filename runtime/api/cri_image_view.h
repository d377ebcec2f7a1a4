// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <runtime/v1/api.pb.h>

#include "base/result.h"
#include "runtime/image/image_store.h"
#include "runtime/image/reference.h"
#include "runtime/registry/credentials.h"

// Between the image store's words and those of Kubernetes' container runtime interface.
namespace ballast::api {

::runtime::v1::Image cri_image(const image::Image &image);

// What an image's configuration says of its user: a number, or a name. The group does not count.
void set_cri_user(::runtime::v1::Image &to, const std::string &user);

// Those that are meant for the registry of `reference`; anonymous when they name another one. EINVAL when `auth` cannot
// be read; messages never hold a part of it.
Result<registry::Credentials> cri_credentials(const ::runtime::v1::AuthConfig &from, const image::Reference &reference);

} // namespace ballast::api
