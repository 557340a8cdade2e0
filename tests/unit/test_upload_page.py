"""The page with the upload form."""

from __future__ import annotations

from modelarts_local.service.upload_page import upload_page


def test_the_form_has_a_file_input_for_each_field() -> None:
    page = upload_page(["images", "mask"])
    assert 'action="/" enctype="multipart/form-data"' in page
    assert 'type="file" name="images"' in page and 'type="file" name="mask"' in page


def test_a_field_name_cannot_break_out_of_the_page() -> None:
    assert '"><script>' not in upload_page(['"><script>'])
