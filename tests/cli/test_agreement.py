from __future__ import annotations


def test_agreement_of_a_file(run, folder):
    code, out, err = run("agreement", "votes.csv")
    assert (code, err) == (0, "")
    assert out.startswith("votes.csv: 36 labels of 12 items with two labels or more")
    for name in ("Krippendorff's alpha, nominal", "Fleiss' kappa", "Gwet's AC1", "percent"):
        assert name in out


def test_agreement_on_a_scale_by_drawing_with_pairs(run, folder):
    code, out, err = run(
        "agreement", "anesthesia", "--scale", "interval", "--bootstrap", "50", "--pairs", "p.csv"
    )
    assert (code, err) == (0, "")
    assert "Krippendorff's alpha, interval" in out
    assert "ICC(1,1): 0." in out
    assert "ICC(2,1): needs two items rated once by all" in out  # observer 1 rated three times
    assert "wrote p.csv: 10 pairs" in out
    rows = folder.joinpath("p.csv").read_text().splitlines()
    assert rows[0].startswith("annotator,other,shared,value,standard_error,low,high")
    assert len(rows) == 11


def test_a_scale_of_numbers_is_read(run, folder):
    rows = "".join(f"{i},{j},{(7 * i + j) / 4}\n" for i in range(30) for j in range(3))
    folder.joinpath("scale.csv").write_text("item,annotator,label\n" + rows)
    assert run("agreement", "scale.csv", "--scale", "interval").code == 0


def test_nothing_to_compare_is_refused(refused, folder):
    folder.joinpath("one.csv").write_text("item,annotator,label\n1,a,x\n2,b,y\n")
    assert "none of the 2 items has them" in refused("agreement", "one.csv")


def test_describe_tells_alpha(run, folder):
    assert "Krippendorff's alpha, nominal: " in run("describe", "votes.csv").out
    folder.joinpath("one.csv").write_text("item,annotator,label\n1,a,x\n2,b,y\n")
    assert "alpha: no items with several labels that vary" in run("describe", "one.csv").out
