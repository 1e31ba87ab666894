// One click is enough: go on to GitHub. Without scripts the button is there.
document.querySelector("form").submit();
