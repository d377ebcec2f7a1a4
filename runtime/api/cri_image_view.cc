// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_image_view.h"

#include <algorithm>
#include <charconv>

#include "base/base64.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;

// "https://index.docker.io/v1/" names the host "index.docker.io".
std::string host_of(std::string_view server) {
    if (const std::size_t scheme = server.find("://"); scheme != std::string_view::npos) {
        server.remove_prefix(scheme + 3);
    }
    std::string host(server.substr(0, server.find('/')));
    std::ranges::transform(host, host.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return host == "index.docker.io" || host == "registry-1.docker.io" ? std::string(image::kDefaultDomain) : host;
}

// The store knows names as people type them; Kubernetes wants them whole.
std::string canonical(const std::string &familiar) {
    const Result<image::Reference> reference = image::Reference::parse(familiar);
    return reference.has_value() ? reference->canonical() : familiar;
}

} // namespace

void set_cri_user(cri::Image &to, const std::string &user) {
    const std::string name = user.substr(0, user.find(':'));
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (name.empty()) {
        to.mutable_uid()->set_value(0);
    } else if (error == std::errc() && end == name.data() + name.size() && number >= 0) {
        to.mutable_uid()->set_value(number);
    } else {
        to.set_username(name);
    }
}

cri::Image cri_image(const image::Image &image) {
    cri::Image made;
    made.set_id(image.id.text());
    for (const std::string &tag : image.tags) {
        made.add_repo_tags(canonical(tag));
    }
    for (const std::string &digest : image.digests) {
        made.add_repo_digests(canonical(digest));
    }
    made.set_size(image.bytes);
    set_cri_user(made, image.config.config.user);
    made.mutable_spec()->set_image(image.id.text());
    return made;
}

Result<registry::Credentials> cri_credentials(const cri::AuthConfig &from, const image::Reference &reference) {
    if (!from.server_address().empty() && host_of(from.server_address()) != reference.domain) {
        return registry::Credentials();
    }
    registry::Credentials credentials{.user = from.username(),
                                      .password = from.password(),
                                      .identity_token = from.identity_token(),
                                      .registry_token = from.registry_token(),
                                      .server = from.server_address()};
    if (credentials.empty() && !from.auth().empty()) {
        const Result<std::string> pair = base64_decoded(from.auth());
        const std::size_t colon = pair.has_value() ? pair->find(':') : std::string::npos;
        if (colon == std::string::npos) {
            return fail(EINVAL, "auth: want base64 of \"user:password\"");
        }
        credentials.user = pair->substr(0, colon);
        credentials.password = pair->substr(colon + 1);
        while (credentials.password.ends_with('\0')) { // as some write it
            credentials.password.pop_back();
        }
    }
    return credentials;
}

} // namespace ballast::api
