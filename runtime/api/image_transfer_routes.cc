// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/router.h"
#include "runtime/registry/progress.h"
#include "runtime/registry/pull.h"
#include "runtime/registry/push.h"

namespace ballast::api {
namespace {

// A stream of JSON objects that begins with the first of them: what fails before has a status of its own.
class ProgressStream {
  public:
    explicit ProgressStream(Call &call) : call_(call) {}

    Status line(std::string_view text) {
        if (!call_.exchange().answered()) {
            TRY(call_.exchange().begin(200, call_.headers("application/json")));
        }
        return call_.exchange().write(text);
    }

    registry::ProgressOutput output() {
        return [this](const registry::Progress &progress) {
            (void)line(registry::progress_line(progress)); // a client that is gone stops the transfer by its token
        };
    }

    // The end, with the error in the stream when it comes too late for a status.
    Status finish(const Status &result) {
        if (!result.has_value() && !call_.exchange().answered()) {
            return result;
        }
        if (!result.has_value()) {
            TRY(line(registry::error_line(result.error().message)));
        } else if (!call_.exchange().answered()) {
            TRY(call_.exchange().begin(200, call_.headers("application/json")));
        }
        return call_.exchange().finish();
    }

  private:
    Call &call_;
};

template <typename T>
Status without_value(const Result<T> &result) {
    return result.has_value() ? Status() : Status(std::unexpected(result.error()));
}

// Registries deny by hiding: docker's clients know both as 404.
Status as_client_error(Status status) {
    if (!status.has_value() && status.error().code == EACCES) {
        status.error().code = ENOENT;
    }
    return status;
}

Result<registry::Credentials> credentials_of(Call &call) {
    return registry::parse_registry_auth(call.exchange().request().header("X-Registry-Auth"));
}

Result<image::Reference> reference_with(std::string_view name, std::string_view tag) {
    image::Reference reference = TRY(image::Reference::parse(name));
    if (tag.empty()) {
        return reference;
    }
    if (tag.contains(':')) {
        return reference.with_digest(TRY(image::Digest::parse(tag)));
    }
    if (!image::is_tag(tag)) {
        return fail(EINVAL, "invalid tag format");
    }
    return reference.with_tag(std::string(tag));
}

Result<std::optional<image::Platform>> platform_of(Call &call) {
    const std::string_view text = call.query("platform");
    return text.empty() ? std::nullopt : std::optional(TRY(image::Platform::parse(text)));
}

Status pull(Call &call) {
    registry::PullRequest request;
    request.reference = TRY(reference_with(call.query("fromImage"), call.query("tag")));
    request.all_tags = request.reference.tag.empty() && !request.reference.digest;
    request.platform = TRY(platform_of(call)).value_or(image::Platform::own());
    request.credentials = TRY(credentials_of(call));
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    request.stop = client.token();
    const auto registries = call.backend().registries();
    ProgressStream stream(call);
    return stream.finish(
        as_client_error(without_value(registry::pull(call.images(), *registries, request, stream.output()))));
}

Status import(Call &call) {
    if (call.query("fromSrc") != "-") {
        return fail(ENOTSUP, "this engine imports from its client only: fetch the archive and pipe it into "
                             "'docker import -'");
    }
    image::ImportSpec spec;
    spec.message = call.query("message").empty() ? "Imported from -" : call.query("message");
    spec.changes = call.exchange().request().query.all("changes");
    spec.platform = TRY(platform_of(call));
    if (!call.query("repo").empty()) {
        image::Reference name = TRY(reference_with(call.query("repo"), call.query("tag")));
        spec.name = name.tag.empty() ? name.with_tag(std::string(image::kDefaultTag)) : name;
    }
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    ProgressStream stream(call);
    const Result<image::Digest> id = call.images().import(
        [&](std::span<char> into) { return call.exchange().read_body(into); }, spec, nullptr, client.token());
    if (id.has_value()) {
        TRY(stream.line(text_of({{"status", id->text()}}) + "\r\n"));
    }
    return stream.finish(without_value(id));
}

Status create(Call &call) {
    if (call.has("fromImage") && !call.query("fromImage").empty()) {
        return pull(call);
    }
    return import(call);
}

Status push(Call &call) {
    registry::PushRequest request;
    request.reference = TRY(reference_with(call.name(), call.query("tag")));
    request.credentials = TRY(credentials_of(call));
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    request.stop = client.token();
    const auto registries = call.backend().registries();
    ProgressStream stream(call);
    return stream.finish(
        as_client_error(without_value(registry::push(call.images(), *registries, request, stream.output()))));
}

Status save_names(Call &call, const std::vector<std::string> &names) {
    for (const std::string &name : names) {
        TRY(call.images().find(name)); // before the head: a name that is not there is a 404
    }
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    const Status saved = call.images().save(
        names,
        [&](std::string_view bytes) -> Status {
            if (!call.exchange().answered()) {
                TRY(call.exchange().begin(200, call.headers("application/x-tar")));
            }
            return call.exchange().write(bytes);
        },
        client.token());
    TRY(Status(saved)); // broken off: the client must not take half an archive for a whole one
    return call.exchange().finish();
}

Status save(Call &call) {
    std::vector<std::string> names = call.exchange().request().query.all("names");
    if (names.empty()) {
        return fail(EINVAL, "want the images to save in names");
    }
    return save_names(call, names);
}

Status save_one(Call &call) { return save_names(call, {call.name()}); }

Status load(Call &call) {
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    ProgressStream stream(call);
    std::optional<registry::ProgressRelay> relay;
    if (!call.flag("quiet", true)) {
        relay.emplace(stream.output());
    }
    const auto loaded = call.images().load([&](std::span<char> into) { return call.exchange().read_body(into); },
                                           relay ? &*relay : nullptr, client.token());
    if (loaded.has_value()) {
        for (const image::ImageStore::Loaded &each : *loaded) {
            for (const std::string &name : each.names) {
                TRY(stream.line(text_of({{"stream", "Loaded image: " + name + "\n"}}) + "\r\n"));
            }
            if (each.names.empty()) {
                TRY(stream.line(text_of({{"stream", "Loaded image ID: " + each.id.text() + "\n"}}) + "\r\n"));
            }
        }
    }
    return stream.finish(without_value(loaded));
}

Status distribution(Call &call) {
    const image::Reference reference = TRY(image::Reference::parse_with_default_tag(call.name()));
    const registry::Credentials credentials = TRY(credentials_of(call));
    const http::HangupWatch::Watched client = call.exchange().watch_client();
    const auto registries = call.backend().registries();
    const Result<registry::Remote> remote =
        registry::inspect_remote(*registries, reference, credentials, client.token());
    TRY(as_client_error(without_value(remote)));
    Json platforms = Json::array();
    for (const image::Platform &platform : remote->platforms) {
        Json entry{{"architecture", platform.architecture}, {"os", platform.os}};
        if (!platform.variant.empty()) {
            entry["variant"] = platform.variant;
        }
        platforms.push_back(std::move(entry));
    }
    return call.answer(200, {{"Descriptor",
                              {{"mediaType", remote->descriptor.media_type},
                               {"digest", remote->descriptor.digest.text()},
                               {"size", remote->descriptor.size}}},
                             {"Platforms", std::move(platforms)}});
}

constexpr Route kRoutes[] = {
    {"POST", "/images/create", create},     {"POST", "/images/load", load},
    {"GET", "/images/get", save},           {"GET", "/images/{name*}/get", save_one},
    {"POST", "/images/{name*}/push", push}, {"GET", "/distribution/{name*}/json", distribution},
};

} // namespace

std::span<const Route> image_transfer_routes() { return kRoutes; }

} // namespace ballast::api
