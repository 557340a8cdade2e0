"""Back ends for one suite of tests: a folder, and a prefix in a bucket.

Kept to Python 3.6: it runs on the parity engine too.
"""

import base64
import hashlib
import os


class FolderRig:
    """A folder, prepared and inspected with os alone."""

    scheme = "local"

    def __init__(self, root):
        self.root = str(root)

    def url(self, name=""):
        return os.path.join(self.root, name) if name else self.root

    def put(self, name, data):
        path = self.url(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(data)

    def put_folder(self, name):
        os.makedirs(self.url(name))

    def tree(self, below=""):
        """{relative name: content} of everything below, folders that hold nothing as 'name/'."""
        found = {}
        top = self.url(below)
        for folder, folders, files in os.walk(top):
            prefix = os.path.relpath(folder, top).replace(os.sep, "/") + "/"
            prefix = "" if prefix == "./" else prefix
            for name in files:
                with open(os.path.join(folder, name), "rb") as stream:
                    found[prefix + name] = stream.read()
            if prefix and not files and not folders:
                found[prefix] = b""
        return found


class BucketRig:
    """A prefix in a bucket, prepared and inspected with a plain boto3 client."""

    def __init__(self, scheme, bucket, client, prefix):
        self.scheme, self.bucket, self.client, self.prefix = scheme, bucket, client, prefix

    def url(self, name=""):
        return "{}://{}/{}".format(self.scheme, self.bucket, self.prefix + ("/" + name if name else ""))

    def put(self, name, data):
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + "/" + name, Body=data)

    def put_folder(self, name):
        key = "/".join(part for part in (self.prefix, name) if part) + "/"
        self.client.put_object(Bucket=self.bucket, Key=key, Body=b"")

    def tree(self, below=""):
        top = self.prefix + "/" + (below + "/" if below else "")
        found = {}
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=top):
            for item in page.get("Contents", ()):
                body = self.client.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read()
                found[item["Key"][len(top) :]] = body
        found.pop("", None)  # the marker of `below` itself
        return found


def put_tree(rig, tree):
    """Write {relative name: content} into a rig."""
    for name, data in tree.items():
        rig.put(name, data)


# Under load Swift answers single keys of a batch with InternalError; the batch itself is 200, and boto3 lets it be
TIMES_TO_DELETE = 5


def empty_bucket(client, bucket):
    """Delete every object of a bucket, a page of 1,000 in one request, and take back every unfinished upload."""
    for upload in client.list_multipart_uploads(Bucket=bucket).get("Uploads", ()):
        client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        refused = [{"Key": item["Key"]} for item in page.get("Contents", ())]
        for _ in range(TIMES_TO_DELETE):
            if refused:
                keys = [{"Key": item["Key"]} for item in refused]
                answer = client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
                refused = answer.get("Errors", [])
        assert not refused, refused


def add_content_md5(request, **_):
    """Swift and OBS take no batch delete without Content-MD5, which boto3 since 1.36 leaves out."""
    body = request.body if isinstance(request.body, bytes) else request.body.encode("utf-8")
    del request.headers["Content-MD5"]
    request.headers["Content-MD5"] = base64.b64encode(hashlib.md5(body).digest()).decode("ascii")
