// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/image/manifest.h"
#include "runtime/image/reference.h"
#include "runtime/image/stream.h"
#include "runtime/registry/session.h"

namespace ballast::registry {

// The header by which a registry learns which forms of manifests we read.
http::ClientHeader accepted_manifests();

// One repository at one endpoint, by the OCI distribution specification 1.1. Thread-safe.
class Repository {
  public:
    // The reference's domain and path; its tag and digest are for messages.
    Repository(const RegistrySettings &settings, const Endpoint &endpoint, image::Reference reference, Purpose purpose,
               const Credentials &credentials, std::stop_token stop);

    struct Document {
        image::Descriptor descriptor; // media type as the server said, digest and size as they are
        std::string bytes;
    };
    // `name` is a tag or a digest; by a digest the answer is checked against it (EBADMSG). ENOENT when there is none.
    Result<Document> manifest(const std::string &name);
    // The digest that a tag stands for, or nothing when the registry does not tell it in a header.
    Result<std::optional<image::Digest>> digest_of(const std::string &tag);
    // A small blob, checked. EFBIG over `limit`.
    Result<std::string> small_blob(const image::Descriptor &descriptor, std::uint64_t limit);
    // All tags, sorted as the registry has them; at most 10,000.
    Result<std::vector<std::string>> tags();

    // Where a blob goes.
    struct Target {
        std::function<std::uint64_t()> offset; // bytes that are here already
        std::function<Status()> restart;       // forgets them
        image::ByteSink write;
        std::function<void(std::chrono::milliseconds)> retrying = {}; // tells of a wait before the next attempt
    };
    // What is missing of a blob, with further attempts that go on where the last one ended. Sizes are checked here, the
    // digest by whoever has all bytes. Foreign layers come from their own URLs.
    Status blob(const image::Descriptor &descriptor, const Target &target);

    // --- pushing ---
    Result<bool> has_blob(const image::Digest &digest);
    // Makes a blob of another repository of this registry one of this; false: the registry would rather have it sent.
    Result<bool> mount(const image::Digest &digest, const std::string &from_path);
    // `open` gives the blob from its beginning, each time anew; `sent` hears how much of it has gone. One request for
    // all of it, or chunks where something on the way refuses bodies of that size (413).
    Status upload(const image::Descriptor &descriptor, const std::function<Result<image::ByteSource>()> &open,
                  const std::function<void(std::uint64_t)> &sent);
    Result<bool> has_manifest(const image::Digest &digest);
    // `name` is a tag or the digest.
    Status put_manifest(const std::string &name, const image::Descriptor &descriptor, const std::string &bytes);

    const Endpoint &endpoint() const { return session_.endpoint(); }

  private:
    struct Attempt;
    std::string target(const std::string &rest) const { return "/v2/" + reference_.path + "/" + rest; }
    Session::Ask ask(const std::string &method, const std::string &rest) const;
    Error refused(const http::ClientResponse &response) const;
    Status fetch_part(const image::Descriptor &descriptor, const http::Url &url, const Target &target,
                      Attempt &attempt);
    Result<http::Url> start_upload(const std::string &query, const std::string &scope, http::ClientResponse *answer);
    Status send_whole(const http::Url &location, const image::Descriptor &descriptor, const image::ByteSource &source,
                      const std::function<void(std::uint64_t)> &sent);
    Status send_chunks(const http::Url &location, const image::Descriptor &descriptor, const image::ByteSource &source,
                       const std::function<void(std::uint64_t)> &sent);
    Result<http::Url> send_chunk(http::Url location, std::uint64_t start, const std::string &chunk);
    Status end_upload(const http::Url &location, const image::Descriptor &descriptor);
    Error failed_upload(const http::ClientResponse &response) const;

    Session session_;
    const image::Reference reference_;
    const Purpose purpose_;
    const std::string scope_;
};

} // namespace ballast::registry
