// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "base/timestamp.h"
#include "runtime/api/cri_image_view.h"
#include "runtime/api/cri_methods.h"
#include "runtime/api/cri_services.h"
#include "runtime/engine/pods.h"
#include "runtime/image/name_patterns.h"
#include "runtime/registry/pull.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;

cri::Image view(const Backend &backend, const image::Image &image) {
    cri::Image made = cri_image(image);
    made.set_pinned(image::has_name_of(image, backend.configuration()->pinned_images));
    return made;
}

// The image of a request, or nothing: of an image that is not there some calls say so without an error.
Result<std::optional<image::Image>> find(const Backend &backend, const std::string &typed) {
    if (typed.empty()) {
        return fail(EINVAL, "image: want a name, a digest or an id");
    }
    Result<image::Image> found = backend.images.find(typed);
    if (!found.has_value() && found.error().code == ENOENT) {
        return std::nullopt;
    }
    return std::optional(TRY(std::move(found)));
}

Result<std::vector<image::Image>> wanted(const Backend &backend, const cri::ImageFilter &filter) {
    if (filter.image().image().empty()) {
        return backend.images.list();
    }
    std::optional<image::Image> one = TRY(find(backend, filter.image().image()));
    return one ? std::vector<image::Image>{std::move(*one)} : std::vector<image::Image>();
}

Result<cri::ListImagesResponse> list(const Backend &backend, const cri::ListImagesRequest &request) {
    cri::ListImagesResponse response;
    for (const image::Image &image : TRY(wanted(backend, request.filter()))) {
        *response.add_images() = view(backend, image);
    }
    return response;
}

Status stream(const Backend &backend, const cri::StreamImagesRequest &request, grpc::Call &call) {
    CriPieces<cri::StreamImagesResponse> pieces(call);
    for (const image::Image &image : TRY(wanted(backend, request.filter()))) {
        *pieces.piece().add_images() = view(backend, image);
        TRY(pieces.added());
    }
    return pieces.end();
}

Result<cri::ImageStatusResponse> status(const Backend &backend, const cri::ImageStatusRequest &request) {
    cri::ImageStatusResponse response;
    const std::optional<image::Image> found = TRY(find(backend, request.image().image()));
    if (found) {
        *response.mutable_image() = view(backend, *found);
        if (request.verbose()) {
            (*response.mutable_info())["info"] = "{\"imageSpec\":" + TRY(backend.images.raw_config(found->id)) +
                                                 ",\"manifest\":" + TRY(backend.images.raw_manifest(found->id)) + "}";
        }
    }
    return response;
}

Result<cri::PullImageResponse> pull(const Backend &backend, const cri::PullImageRequest &request, grpc::Call &call) {
    registry::PullRequest wish;
    wish.reference = TRY(image::Reference::parse_with_default_tag(request.image().image()));
    wish.credentials = TRY(cri_credentials(request.auth(), wish.reference));
    wish.stop = call.stop();
    const auto registries = backend.registries();
    const std::vector<registry::Pulled> pulled =
        TRY(registry::pull(backend.images, *registries, wish, [](const registry::Progress &) {}));
    if (pulled.empty()) {
        return fail(EIO, "pull " + wish.reference.familiar() + ": nothing was pulled");
    }
    cri::PullImageResponse response;
    response.set_image_ref(pulled.front().id.text());
    return response;
}

// All names of the image go, whichever it was named by.
Result<cri::RemoveImageResponse> remove(const Backend &backend, const cri::RemoveImageRequest &request) {
    if (const std::optional<image::Image> found = TRY(find(backend, request.image().image()))) {
        const auto removed = backend.images.remove(found->id.text(), true);
        if (!removed.has_value() && removed.error().code != ENOENT) { // another was faster
            return std::unexpected(removed.error());
        }
    }
    return cri::RemoveImageResponse();
}

Result<cri::ImageFsInfoResponse> file_system(const Backend &backend, const cri::ImageFsInfoRequest &) {
    const image::DiskUsage usage = backend.images.disk_usage();
    cri::FilesystemUsage used;
    used.set_timestamp(now_ns());
    used.mutable_fs_id()->set_mountpoint(backend.configuration()->data_root.string());
    used.mutable_used_bytes()->set_value(usage.layer_bytes + usage.blob_bytes);
    used.mutable_inodes_used()->set_value(usage.inodes);
    cri::ImageFsInfoResponse response;
    *response.add_image_filesystems() = used;
    // Containers' own layers are on the same file system.
    const engine::DiskUse written = backend.engine.pods().writable_layers();
    used.mutable_used_bytes()->set_value(written.bytes);
    used.mutable_inodes_used()->set_value(written.inodes);
    *response.add_container_filesystems() = used;
    return response;
}

constexpr const char *kService = "/runtime.v1.ImageService/";

} // namespace

grpc::Methods cri_image_methods(const Backend &backend) {
    const std::string service = kService;
    return {
        {service + "ListImages", cri_method(backend, list)},
        {service + "StreamImages", cri_stream(backend, stream)},
        {service + "ImageStatus", cri_method(backend, status)},
        {service + "PullImage", cri_method(backend, pull)},
        {service + "RemoveImage", cri_method(backend, remove)},
        {service + "ImageFsInfo", cri_method(backend, file_system)},
    };
}

} // namespace ballast::api
